"""The portal's settings with one address: the floor."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.floor"

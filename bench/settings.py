"""The portal's settings with one address more, the floor's: the same processes answer both."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.floor"

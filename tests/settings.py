"""The portal's settings as the tests use them. conftest.py starts the servers and fills in their addresses."""

import os
from pathlib import Path

_TEST_DATA = Path(__file__).resolve().parent.parent / "var" / "test"
os.environ.setdefault("DATA_DIR", str(_TEST_DATA))
os.environ.setdefault("SECRET_KEY", "for tests only, never used elsewhere " * 2)
for _name in ("DEBUG", "BASE_URL", "EMAIL_URL", "HEARTBEAT_URL", "DEMO", "PORT"):
    os.environ.pop(_name, None)

from portal.settings import *  # noqa: E402, F403 - after the environment is set

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = False
HEALTH_KEPT_SECONDS = 0

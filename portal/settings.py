"""Django settings: one page, every outside value through `portal.env`."""

from pathlib import Path

import django_stubs_ext
import pghistory
from django.utils.csp import CSP

from portal import env

django_stubs_ext.monkeypatch()  # forms and admins may name their model: ModelForm[Team]

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var")
DEBUG = env.flag("DEBUG", default=False)
EMBEDDED = not env.text("DATABASE_URL")
DEMO = env.flag("DEMO", default=EMBEDDED)
PORT = env.integer("PORT", default=8000, least=1, most=65535)
HOST = env.text("HOST", default="127.0.0.1")
BASE_URL = env.address("BASE_URL", default=f"http://localhost:{PORT}")
SECRET_KEY = env.secret_key(DATA_DIR, embedded=EMBEDDED)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", env.host_of(BASE_URL)]
)
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.guardian",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "guardian",
    "django_htmx",
    "django_celery_beat",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "deadlines",
    "procedures",
    "directory",
    "notifications",
    "rotations",
    "incidents",
    "alerts",
    "portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "portal.middleware.PoliciesMiddleware",
    "portal.middleware.AddressMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.middleware.NameMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.chrome",
            ],
        },
    },
]

DATABASES = {"default": env.database(DATA_DIR)}
REDIS_URL = env.redis_url(DATA_DIR)

AUTH_USER_MODEL = "directory.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [
    "jpg",
    "jpeg",
    "png",
    "webp",
    "zip",
    "gz",
    "br",
    "woff",
    "woff2",
    "map",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "portal.static.QuickCompressedStorage"},
}

PGHISTORY_DEFAULT_TRACKERS = (
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The clock
ENFORCE_RETRY_BASE_SECONDS = env.integer("ENFORCE_RETRY_BASE_SECONDS", default=2)
ENFORCE_RETRY_CAP_SECONDS = env.integer("ENFORCE_RETRY_CAP_SECONDS", default=300)
OUTAGE_AFTER_SECONDS = env.integer("OUTAGE_AFTER_SECONDS", default=30)
TICK_EVERY_SECONDS = env.integer("TICK_EVERY_SECONDS", default=1, least=1, most=5)
CLOCK_DEAD_AFTER_SECONDS = env.integer("CLOCK_DEAD_AFTER_SECONDS", default=10)
SKEW_WARNING_SECONDS = 2
SKEW_ERROR_SECONDS = 30

# What the watchdog tells while all is well
HEARTBEAT_URL = env.address("HEARTBEAT_URL")
HEARTBEAT_EVERY_SECONDS = env.integer("HEARTBEAT_EVERY_SECONDS", default=60, least=1)

# How old what a page says of the portal's own health may be
HEALTH_KEPT_SECONDS = 5

# Intake: a body is read whole before it takes a thread
WEB_WORKERS = env.integer("WEB_WORKERS", default=2, least=1, most=64)
WEB_THREADS = env.integer("WEB_THREADS", default=4, least=1, most=64)
BODY_MAX_BYTES = ALERT_BODY_MAX_BYTES = 16 * 2**20
BODY_DEADLINE_SECONDS = env.integer("BODY_DEADLINE_SECONDS", default=20, least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_MAX_BYTES

WORKER_THREADS = env.integer("WORKER_THREADS", default=8, least=1, most=256)
SLOW_WORKER = env.flag("SLOW_WORKER", default=False)

# Mail: without EMAIL_URL it is kept as files
EMAIL_URL = env.text("EMAIL_URL")
MAIL_DIR = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text(
    "DEFAULT_FROM_EMAIL", default=f"Watchbill <watchbill@{env.host_of(BASE_URL)}>"
)
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = MAIL_DIR
vars().update(env.email())

# Chat, paging and sign-in services
SLACK_BOT_TOKEN = env.text("SLACK_BOT_TOKEN")
SLACK_SIGNING_SECRET = env.text("SLACK_SIGNING_SECRET")
SLACK_API_URL = env.address("SLACK_API_URL", default="https://slack.com/api")
PAGERDUTY_ROUTING_KEY = env.text("PAGERDUTY_ROUTING_KEY")
PAGERDUTY_EVENTS_URL = env.address(
    "PAGERDUTY_EVENTS_URL", default="https://events.pagerduty.com/v2/enqueue"
)
PAGERDUTY_WEBHOOK_SECRET = env.text("PAGERDUTY_WEBHOOK_SECRET")
POSTMORTEM_DIR = env.folder("POSTMORTEM_DIR", BASE_DIR / "docs" / "postmortems")
OIDC = env.prefixed("OIDC_")

# Jobs: two queues, so that nothing slow stands before a page
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_RESULT_EXPIRES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "paging"
CELERY_TASK_ROUTES = {"*.slow_*": {"queue": "slow"}}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 3,
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 600,
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "enforce": {
        "task": "deadlines.tasks.enforce",
        "schedule": float(TICK_EVERY_SECONDS),
        "options": {"expire_seconds": 5},
    },
    "sweep": {
        "task": "notifications.sweep",
        "schedule": 2.0 * TICK_EVERY_SECONDS,
        "options": {"expire_seconds": 5},
    },
}
DJANGO_CELERY_BEAT_TZ_AWARE = True

LOG_LEVEL = env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "portal.logs.SecretlessFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}

# What a page may load: nothing from elsewhere, nothing inline.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}
# Unfold's Alpine evaluates its attributes and sets styles; that stays inside /admin/.
SECURE_CSP_ADMIN = {
    **SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
}
SECURE_CSP_API_DOCS = {
    **SECURE_CSP,
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
BEHIND_TLS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
# A proxy in front speaks TLS and says so. Monitors and senders inside the network may stay on plain HTTP.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$", r"^(hooks|v2|heartbeats)/"]
SECURE_HSTS_SECONDS = 365 * 86400 if BEHIND_TLS else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
]  # other hosts of the domain are not ours to bind

# The admin's look. The pages outside it share the colours (static/css/watchbill.css) and the menu.
UNFOLD = {
    "SITE_TITLE": "Watchbill",
    "SITE_HEADER": "Watchbill",
    "SITE_SUBHEADER": "On-call operations",
    "SITE_URL": "/",
    "SITE_ICON": "portal.front.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "portal.front.mark"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "portal.front.dashboard",
    "ENVIRONMENT": "portal.front.environment",
    "STYLES": ["portal.front.admin_styles"],
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        },
    },
    "SIDEBAR": {"show_search": True, "navigation": "portal.menu.sidebar"},
}

# The outbox
PAGE_LEASE_SECONDS = env.integer("PAGE_LEASE_SECONDS", default=30)
PAGE_ATTEMPT_SECONDS = env.integer("PAGE_ATTEMPT_SECONDS", default=10)
PAGE_CLAIMS_BEFORE_QUARANTINE = 5
SWEEP_AFTER_SECONDS = env.integer("SWEEP_AFTER_SECONDS", default=2)
NUDGE_WORKERS = env.flag("NUDGE_WORKERS", default=True)
NUDGE_EXPIRES_SECONDS = 30
EGRESS_GUARD = env.flag("EGRESS_GUARD", default=True)

# The JSON API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "directory.api.authentication.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["directory.api.parsers.BoundedJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "directory.api.pagination.ByCursor",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "directory.api.problems.answer_problem",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Watchbill",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "directory.api.schema.add_refusals",
    ],
    "ENUM_NAME_OVERRIDES": {
        "IncidentKindEnum": ["standard", "security"],
        "UpdateKindEnum": ["initial", "status", "findings"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

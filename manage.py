#!/usr/bin/env python
"""Django's command line for Watchbill."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - after the settings are named
    from django.core.management import execute_from_command_line  # noqa: PLC0415
    from django.db import OperationalError, connection  # noqa: PLC0415

    try:
        if sys.argv[1:] == ["run"]:
            from portal.start import become_supervisor  # noqa: PLC0415 - without loading every app first

            become_supervisor()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"watchbill: {error}")
    except OperationalError as error:
        if connection.connection is not None:
            raise  # it was reached: then the trace says what it was asked
        from django.conf import settings  # noqa: PLC0415 - read already

        reason = " ".join(str(error).split())
        hint = (
            "The one that comes along answers while `make run` runs."
            if settings.EMBEDDED
            else "Check DATABASE_URL."
        )
        sys.exit(f"watchbill: The database does not answer: {reason} {hint}")


if __name__ == "__main__":
    main()

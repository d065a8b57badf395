"""Years of incidents: the sample team's closed ones with all their rows, copied within the database."""

from __future__ import annotations

from django.db import connection

from incidents.models import Incident

PLAN = """
CREATE TEMPORARY TABLE plan AS
SELECT n, nextval('incidents_incident_id_seq') AS id, old.id AS old,
       make_interval(mins => (n * 15)::int) + interval '100 days' AS earlier
FROM generate_series(1, %(count)s) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS all_of_them
      FROM incidents_incident WHERE status = 'closed' AND NOT restricted) AS old
  ON old.place = n %% old.all_of_them
"""
OUTS = """
CREATE TEMPORARY TABLE outs AS
SELECT nextval('notifications_pageout_id_seq') AS id, row.id AS old, plan.n, plan.earlier, plan.id AS subject_id
FROM notifications_pageout AS row JOIN plan ON row.subject_type = 'incident' AND row.subject_id = plan.old
"""
PAGES = """
CREATE TEMPORARY TABLE sent AS
SELECT nextval('notifications_page_id_seq') AS id, row.id AS old, outs.n, outs.earlier, outs.id AS out_id
FROM notifications_page AS row JOIN outs ON row.page_out_id = outs.old
"""
OF_INCIDENT = "JOIN plan AS made ON row.incident_id = made.old"
COPIES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("incidents_incident", "JOIN plan AS made ON row.id = made.old",
     {"id": "made.id", "ref": "'OLD-' || made.n", "run": "row.run"}),
    ("incidents_incident_services", OF_INCIDENT, {"incident_id": "made.id"}),
    ("incidents_incidentrole", OF_INCIDENT, {"incident_id": "made.id"}),
    ("incidents_timelineentry", OF_INCIDENT, {"incident_id": "made.id"}),
    ("incidents_alerttally", OF_INCIDENT, {"incident_id": "made.id"}),
    ("deadlines_deadline", "JOIN plan AS made ON row.subject_type = 'incident' AND row.subject_id = made.old",
     {"subject_id": "made.id", "key": "row.key || ':' || made.n"}),
    ("notifications_pageout", "JOIN outs AS made ON row.id = made.old",
     {"id": "made.id", "subject_id": "made.subject_id", "key": "gen_random_uuid()",
      "token_hash": "encode(sha256(convert_to(row.token_hash || made.n, 'UTF8')), 'hex')"}),
    ("notifications_page", "JOIN sent AS made ON row.id = made.old",
     {"id": "made.id", "page_out_id": "made.out_id", "bundle_id": "NULL",
      "delivery_key": "row.delivery_key || '.' || made.n"}),
    ("notifications_attempt", "JOIN sent AS made ON row.page_id = made.old", {"page_id": "made.id"}),
)  # fmt: skip


def make(count: int) -> None:
    """Copies them so many times, each a quarter of an hour earlier. Run by `manage.py shell`."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET synchronous_commit = off")
        for statement in (PLAN, OUTS, PAGES):
            cursor.execute(statement, {"count": count} if statement is PLAN else None)
        for table, join, new in COPIES:
            cursor.execute(_copy(table, join, new))
            print(f"  {cursor.rowcount} rows of {table}")
        cursor.execute("VACUUM (ANALYZE)")
    print(f"  {Incident.objects.count()} incidents")


def _copy(table: str, join: str, new: dict[str, str]) -> str:
    with connection.cursor() as cursor:
        columns = [
            (column.name, column.type_code)
            for column in connection.introspection.get_table_description(cursor, table)
        ]
    values = {
        name: new.get(name)
        or (f"row.{name} - made.earlier" if name.endswith(("_at", "_until")) else f"row.{name}")
        for name, _ in columns
        if name != "id" or name in new
    }
    return (
        f"INSERT INTO {table} ({', '.join(values)}) "  # noqa: S608 - names of our own
        f"SELECT {', '.join(values.values())} FROM {table} AS row {join}"
    )

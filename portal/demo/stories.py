"""Three months of incidents as plain facts: what happened, and how fast people were."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Story:
    """One incident. `days_ago` and `at` (wall clock of the team) say when it opened; the rest is minutes
    after that. A missing number never happened. `updates` are minutes; the first is the findings.
    """

    days_ago: int
    at: str
    severity: str
    service: str
    title: str
    source: str = "alertmanager"
    kind: str = "standard"
    others: tuple[str, ...] = ()
    acknowledged: float | None = 2
    helped: float | None = None
    updates: tuple[tuple[float, str], ...] = field(default=())
    mitigated: float | None = None
    resolved: float | None = None
    closed: float | None = None
    false_positive: str = ""
    drill: bool = False
    note: str = ""


HISTORY = (
    Story(91, "10:12", "P3", "dashboard", "Dashboard loads slowly", acknowledged=9, updates=((40, "Slow query on the tasks view after last night's import."),), mitigated=95, resolved=120, closed=1500, note="An index was missing on the tasks view."),
    Story(88, "03:41", "P2", "docling", "Document processing fails for large files", acknowledged=4, updates=((21, "Workers run out of memory on files over 80 MB."), (50, "Limit lowered to 60 MB while we raise the memory."), (78, "Backlog is draining.")), mitigated=82, resolved=104, closed=2400, note="Upload limit lowered, memory raised."),
    Story(86, "14:05", "P4", "dashboard", "Wrong label on the export button", source="person", acknowledged=60, resolved=4000, closed=4010, note="Label corrected with the next release."),
    Story(83, "09:30", "P3", "redis-stack", "Memory usage above 80 %", acknowledged=12, updates=((70, "Old task results are kept for 30 days; reduced to 14."),), mitigated=130, resolved=160, closed=1700, note="Retention of task results reduced."),
    Story(80, "22:17", "P2", "orchestrator", "API error rate above 5 %", acknowledged=3, updates=((18, "Errors began with the 21:55 deployment."), (44, "Rolled back; error rate falling."),), mitigated=47, resolved=66, closed=3100, note="Rolled back to the previous release."),
    Story(77, "11:48", "P3", "n8n", "One workflow hangs", acknowledged=20, updates=((90, "A partner's endpoint answers after 90 s; timeout raised."),), mitigated=140, resolved=170, closed=1600),
    Story(74, "02:03", "P1", "orchestrator", "Orchestrator is down", others=("agents",), acknowledged=3, helped=9, updates=((11, "Container restarts in a loop: it cannot reach Redis."), (26, "Redis refuses connections: the connection limit is reached."), (40, "Limit raised, orchestrator is up, watching."),), mitigated=43, resolved=61, closed=2700, note="Connection limit raised; a leak in the task poller was found."),
    Story(72, "16:20", "P4", "agents", "Log noise from the retry loop", acknowledged=200, resolved=6000, closed=6005),
    Story(70, "05:12", "P2", "agents", "Single agent type unavailable for a tenth of users", acknowledged=17, updates=((29, "The primary was on the way; the secondary took over. The agent's image is missing a library."), (58, "Image rebuilt, rolling out.")), mitigated=71, resolved=90, closed=2000),
    Story(67, "13:33", "P3", "docling", "Queue of documents grows", acknowledged=15, updates=((100, "One worker is stuck; restarted."),), mitigated=101, resolved=130, closed=1440),
    Story(65, "09:58", "P2", "redis-stack", "High latency on all endpoints", acknowledged=1.5, updates=((13, "A large key is scanned each minute."), (40, "The scan is off; latency is back to normal.")), mitigated=41, resolved=58, closed=2900),
    Story(63, "19:44", "P3", "dashboard", "P95 above 1 s", acknowledged=830, updates=((900, "Cache was cold after the restart."),), mitigated=905, resolved=930, closed=2600),
    Story(60, "10:40", "P1", "agents", "All task executions fail", kind="standard", drill=True, acknowledged=1, updates=((8, "Drill: the executor's credentials were revoked on purpose."), (20, "Drill: credentials restored.")), mitigated=22, resolved=39, closed=60, note="Fire drill, well done."),
    Story(58, "23:26", "P2", "n8n", "Approval workflow broken", acknowledged=6, updates=((24, "The webhook's certificate expired."), (49, "Certificate renewed.")), mitigated=50, resolved=66, closed=1900),
    Story(56, "08:15", "P3", "orchestrator", "Memory climbing steadily", acknowledged=66, updates=((115, "Restarted for relief; profiling is on."),), mitigated=118, resolved=200, closed=3000),
    Story(53, "12:09", "P4", "dashboard", "Chart colours are hard to tell apart", source="person", acknowledged=300, resolved=9000, closed=9001),
    Story(51, "04:50", "P2", "orchestrator", "Elevated 500s on task creation", acknowledged=2, updates=((7, "Nothing is failing; the probe itself timed out."),), false_positive="The probe's own network dropped for two minutes.", resolved=12, closed=30),
    Story(49, "15:00", "P3", "agents", "Elevated CPU on two hosts", acknowledged=25, updates=((80, "A runaway task; ended."),), mitigated=82, resolved=100, closed=1500),
    Story(46, "01:37", "P1", "redis-stack", "Redis data corruption detected", others=("orchestrator", "agents"), acknowledged=2, helped=5, updates=((10, "The last append-only file is truncated after a host crash."), (24, "Repair of the file is running on a copy."), (38, "Copy verified: 14 tasks lost, listed in the incident channel."), (52, "Redis is up from the repaired file.")), mitigated=55, resolved=76, closed=2800, note="14 tasks were lost and have been run again."),
    Story(44, "17:21", "P2", "docling", "Document processing failing", acknowledged=5, updates=((22, "A model file is missing on the new host."), (48, "Copied, processing again.")), mitigated=49, resolved=70, closed=2500),
    Story(42, "10:05", "P3", "n8n", "Workflow editor slow", acknowledged=30, updates=((110, "Execution history was never pruned; pruning now."),), mitigated=180, resolved=220, closed=1800),
    Story(39, "06:44", "P1", "orchestrator", "Unauthorized access to an internal endpoint suspected", kind="security", acknowledged=3, updates=((12, "Requests came from a forgotten test account; it is disabled."), (27, "No data was read beyond the health page.")), mitigated=34, resolved=58, closed=2600, note="Test account removed, keys rotated. No breach."),
    Story(37, "14:52", "P4", "orchestrator", "Monitoring gap: no alert on queue age", source="person", acknowledged=90, resolved=5000, closed=5002),
    Story(35, "21:10", "P2", "dashboard", "Critical feature unavailable: task history", acknowledged=8, updates=((26, "The history service lost its read replica."), (55, "Pointed to the main database for now.")), mitigated=57, resolved=80, closed=2100),
    Story(32, "09:20", "P3", "redis-stack", "Replication lag above 10 s", acknowledged=14, updates=((75, "Network card of one host renegotiated to 100 Mbit; cable replaced."),), mitigated=96, resolved=120, closed=1440),
    Story(30, "03:08", "P2", "orchestrator", "API error rate above 5 %", acknowledged=14, updates=((28, "External model server is out of memory."), (57, "Requests are queued instead of refused."), (85, "Model server restarted by its owners.")), mitigated=88, resolved=110, closed=2300),
    Story(28, "11:11", "P3", "dashboard", "Login page shows an old logo after upgrade", source="person", acknowledged=50, updates=((100, "Stale cache at the edge."),), mitigated=102, resolved=110, closed=1400),
    Story(25, "18:03", "P2", "agents", "Single service degraded: browser agent", acknowledged=4, updates=((19, "Sessions are not closed; the pool is full."), (45, "Pool recycled each five minutes until the fix is out.")), mitigated=46, resolved=75, closed=2600),
    Story(23, "10:30", "P4", "docling", "Debug output left in a parser", acknowledged=400, resolved=7000, closed=7001),
    Story(21, "02:29", "P2", "n8n", "Integration failure: partner webhook refused", acknowledged=16.5, updates=((29, "The partner rotated its key a day early."), (60, "Old key accepted again for 24 h.")), mitigated=61, resolved=78, closed=2000),
    Story(18, "09:05", "P3", "agents", "Memory usage above 80 %", acknowledged=22, updates=((85, "Two agents run on one host; spread again."),), mitigated=88, resolved=105, closed=1500),
    Story(16, "13:40", "P1", "orchestrator", "Health check failing, all requests time out", others=("dashboard",), acknowledged=1, updates=((9, "A migration holds a lock on the tasks table."), (22, "Migration cancelled; requests pass."),), mitigated=23, resolved=41, closed=2750, note="Migrations now set a lock timeout."),
    Story(14, "20:55", "P3", "docling", "Slow response times on previews", acknowledged=780, updates=((850, "The preview cache was on a full disk."),), mitigated=870, resolved=900, closed=2500),
    Story(12, "07:18", "P2", "redis-stack", "Task data unavailable for one shard", acknowledged=7, updates=((25, "The shard's host rebooted for a kernel update."), (48, "Shard is back, data verified.")), mitigated=50, resolved=72, closed=2200),
    Story(10, "15:25", "P4", "n8n", "Two workflows share one name", source="person", acknowledged=120, resolved=6000, closed=6001),
    Story(8, "04:02", "P2", "dashboard", "Dashboard shows no tasks", acknowledged=3, updates=((20, "The websocket gateway did not reconnect after the network blip."), (44, "Gateway restarted.")), mitigated=45, resolved=63, closed=2900),
    Story(6, "10:50", "P3", "orchestrator", "Scheduler runs two minutes late", acknowledged=35, updates=((95, "Clock of one host drifted; time service restarted."),), mitigated=100, resolved=125, closed=1600),
    Story(4, "22:42", "P2", "docling", "OCR results empty", acknowledged=5, updates=((23, "A language pack is missing since the base image changed."), (52, "Image pinned to the previous base.")), mitigated=54, resolved=77),
    Story(2, "11:30", "P3", "n8n", "Elevated resource usage on the workflow host", acknowledged=18, updates=((90, "A loop without a pause; fixed by its author."),), mitigated=93, resolved=115),
    Story(1, "16:15", "P4", "dashboard", "Typo in the welcome mail", source="person", acknowledged=75),
)  # fmt: skip

# What is open when the sample data is loaded, in minutes before that moment.
OPEN_NOW = (
    Story(
        0,
        "-14",
        "P2",
        "docling",
        "Document processing slow, queue at 1,200",
        acknowledged=3,
        updates=((9, "Two of four workers are stuck on one PDF; restarting them one by one."),),
    ),
)

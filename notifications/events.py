"""What the outbox announces. Each announcement is made with the subject locked first, and once."""

from deadlines.extension import DomainEvent

page_sent = DomainEvent("page_sent")
"""A channel took a page. Facts: `page_id`, `page_out_id`, `subject_type`, `subject_id`, `user_id`
(None outside), `purpose`, `channel`, `instead_of`, `address`, `bundled`, `step_key`, `step_label`, `clause`, `round`,
`at` (when it was taken, ISO), `now` (ISO)."""

page_exhausted = DomainEvent("page_exhausted")
"""Every way to reach a person failed. Facts: `page_out_id`, `subject_type`, `subject_id`, `user_id`,
`step_key`, `step_label`, `clause`, `round`, `severity`, `reason`, `now` (ISO). Not announced for a
page-out that was unreachable from the start: `page_people` returns it so."""

page_answered = DomainEvent("page_answered")
"""A person answered. Facts: `page_out_id`, `subject_type`, `subject_id`, `user_id`, `answer`, `now`."""

"""The outbox: contact methods, notification rules, page-outs and pages, channels."""

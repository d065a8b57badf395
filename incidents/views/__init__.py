"""The pages of incidents."""

from incidents.views.declaring import declaring
from incidents.views.listing import listing
from incidents.views.page import live, page
from incidents.views.phone import phone
from incidents.views.preview import preview
from incidents.views.record import record_pdf
from incidents.views.verbs import breach, verb

__all__ = [
    "breach",
    "declaring",
    "listing",
    "live",
    "page",
    "phone",
    "preview",
    "record_pdf",
    "verb",
]

"""The account to sign in with: shared by the harness, which needs no Django, and the parts that do."""

from typing import Final

TEAM: Final = "bench"
EMAIL: Final = "bench@example.com"
PASSWORD: Final = "measured-twice-and-cut-once"
KEY: Final = "bench-key"
LARGE: Final = "compute-on/test_area"
SMALL: Final = "compute-qc/prod"
LIST_URL: Final = f"/t/{TEAM}/snapshots/"
VOLUMES_URL: Final = f"/t/{TEAM}/volumes/"
CHANGES_URL: Final = f"/t/{TEAM}/changes/"
API_URL: Final = "/api/v1/"
SEARCH_URL: Final = f"/t/{TEAM}/search/"
FIXED_URL: Final = "/bench/fixed/"

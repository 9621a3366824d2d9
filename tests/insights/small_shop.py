"""Pieces of settings for those who ask what other rules would have done."""

PAGED = """\
[[pagers]]
name = "wrist"
address = "1"
[[staff]]
name = "Anna"
pager = "wrist"
[[transmitters]]
name = "radio"
driver = "tap"
port = "/dev/radio"
"""
"""Somebody with a pager, and what it is paged by."""
RULE = '[[rules]]\nname = "row"\nkind = "reds_in_a_row"\ncount = 2\nwindow_s = 3600\n'

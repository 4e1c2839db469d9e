"""How a cell may begin that a spreadsheet would calculate, and how it may begin without."""

PREFIXES = [
    *("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"),
    *(" =", "\u00a0+", "\u3000-", "\u200b=", "\ufeff@", "\u2212", "﹦", "﹣", "⁺", "'=", "'", " \t＝"),
]
HARMLESS = ["", "5", "web-01_ROOT-1_20261123000000", "ROOT-1", "Ω=1", "(=1)", "«=", "/=", "a\tb", "x=1", " x", "🙂=1"]

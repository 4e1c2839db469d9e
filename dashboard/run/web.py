"""The web server: `python -m dashboard.run.web` becomes gunicorn, once what gunicorn reads by itself is fit to be read.

gunicorn takes some variables for numbers before it looks at `gunicorn.conf.py`: one that is set to nothing counts as
not set there too, and a wrong one is a sentence.
"""

import os
import sys

from dashboard.run import check_settings

COUNTS = ("WEB_CONCURRENCY", "WEB_THREADS")
NOT_EMPTY = (*COUNTS, "BIND", "PORT", "SENDFILE")
MOST = 1000


def main() -> None:
    variables = {name: text for name, text in os.environ.items() if name not in NOT_EMPTY or text.strip()}
    problems = [
        sentence
        for name in COUNTS
        if name in variables
        for sentence in check_settings.whole_number(name, variables[name].strip(), least=1, most=MOST)
    ]
    if problems:
        check_settings.refuse(problems)
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "dashboard.wsgi", *sys.argv[1:]], variables)  # noqa: S606


if __name__ == "__main__":
    main()

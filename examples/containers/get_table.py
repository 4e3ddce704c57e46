"""The rows of a page's table: each input line is {"html": ..., "rows": CSS selector}, each output line a list of lists."""

import json
import sys

from bs4 import BeautifulSoup


def get_table(page):
    soup = BeautifulSoup(page["html"], "html.parser")
    rows = soup.select(page.get("rows", "table tbody tr"))
    if not rows:
        raise ValueError("there is no such table")
    return [[cell.get_text(strip=True) for cell in row.select("td")] for row in rows]


for line in sys.stdin:
    try:
        answer = get_table(json.loads(line))
    except Exception as error:
        answer = {"$error": {"name": type(error).__name__, "message": str(error)}}
    print(json.dumps(answer, ensure_ascii=False), flush=True)

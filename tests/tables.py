# SPDX-License-Identifier: MIT
"""The program's own .def tables, read as the preprocessor does: a new row is tested at once."""

import re

import harness


def rows(path, macro):
    """The arguments of each row, as text, strings without their quotes."""
    text = (harness.TOP / path).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = re.findall(rf"^{macro}\((.*)\)$", text, flags=re.M)
    part = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\'.\'|(?:FOR\(\w+\)[ |]*)+|[^,]+)\s*(?:,|$)')
    return [[p.strip('"').replace('\\"', '"') for p in part.findall(row)] for row in found]


COMMANDS = [row[1] for row in rows("report/cli/commands.def", "COMMAND")]

# id, short or None, long, argument or None, the commands that have it
OPTIONS = [(row[0], None if row[1] == "0" else row[1].strip("'"), row[2],
            None if row[3] == "NULL" else row[3],
            [c.lower() for c in re.findall(r"FOR\((\w+)\)", row[4])])
           for row in rows("report/cli/options.def", "OPTION")]

LOSSES = [row[1] for row in rows("preload/segment/losses.def", "LOSS")]
FINDINGS = [row[1] for row in rows("report/model/findings.def", "FINDING")]


def columns(table):
    """(name, heading) of each column of report/view/TABLE_columns.def."""
    return [(row[1], row[2]) for row in rows(f"report/view/{table}_columns.def", f"{table.upper()}_COLUMN")]

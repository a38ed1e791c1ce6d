"""Draws the output of a terminal as SVG: terminal_svg.py COMMAND < ANSI > SVG. Colours are those of the program."""

import html
import re
import sys

COLORS = {"31": "#ff8e86", "32": "#56d364", "33": "#e3b341", "34": "#79c0ff", "36": "#76e3ea", "91": "#ff8e86",
          "92": "#56d364", "93": "#e3b341", "94": "#79c0ff", "96": "#76e3ea"}
WIDTH, HEIGHT, MARGIN = 8.2, 19, 16
# renderers collapse other blanks
NO_BREAK_SPACE = "\u00a0"


def spans(line):
    """The parts of a line, each with its style."""
    style = {}
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if not code:
            if part:
                yield part, dict(style)
            continue
        for number in code[1].split(";"):
            if number in ("", "0"):
                style.clear()
            elif number == "1":
                style["font-weight"] = "bold"
            elif number == "2":
                style["fill"] = "#9aa4ae"
            elif number in COLORS:
                style["fill"] = COLORS[number]


def main():
    lines = [sys.argv[1], ""] + sys.stdin.read().rstrip("\n").split("\n")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    width = int(max(map(len, plain)) * WIDTH + 2 * MARGIN)
    height = len(lines) * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}" role="img" aria-label="Output of {html.escape(sys.argv[1][2:])}">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>')
    print('<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.5" '
          'fill="#e6edf3">')
    for number, line in enumerate(lines):
        y = MARGIN + HEIGHT * (number + 0.75)
        parts = []
        for text, style in spans(line):
            attributes = "".join(f' {name}="{value}"' for name, value in style.items())
            shown = html.escape(text).replace(" ", NO_BREAK_SPACE)
            parts.append(f"<tspan{attributes}>{shown}</tspan>")
        print(f'<text x="{MARGIN}" y="{y:.0f}">{"".join(parts)}</text>')
    print("</g>\n</svg>")


main()

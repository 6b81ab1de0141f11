"""A Vega-Lite specification as a picture, a page of its own or JSON; nothing is fetched."""

from __future__ import annotations

import html
import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from suanli.errors import BadInput

#: what a chart can be written as
SUFFIXES = (".svg", ".png", ".html", ".json")
#: the version of Vega-Lite 5 that is drawn with
VERSION = "5.21"
#: pixels a unit of the picture
SCALE = 2
#: where fonts lie on systems without fontconfig, and the starts of the names of files that hold Chinese characters
FONT_FOLDERS = ("/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts")
CHINESE_FONTS = {
    "pingfang": "PingFang SC",
    "hiragino sans gb": "Hiragino Sans GB",
    "notosanscjk": "Noto Sans CJK SC",
    "msyh": "Microsoft YaHei",
    "simsun": "SimSun",
}


def drawn(spec: dict[str, Any], out: str | Path, language: str) -> bytes:
    """The file that ``out`` is to hold, by its suffix (one of ``SUFFIXES``); ``BadInput`` where drawing is not possible here, with what to do."""
    suffix = Path(out).suffix.lower()
    if suffix == ".json":
        return (json.dumps(spec, ensure_ascii=False, indent=1) + "\n").encode()
    try:
        import vl_convert
    except ImportError:
        raise BadInput("accuracy.no_converter", out=str(out)) from None
    font = chinese_font() if language == "zh" and suffix != ".html" else ""
    if language == "zh" and suffix == ".png" and not font:
        raise BadInput("accuracy.no_font", out=str(out))
    config = spec.get("config", {})
    shown = spec | {"config": config | {"font": f"{font}, {config.get('font', 'sans-serif')}"}} if font else spec
    if suffix == ".png":
        return bytes(vl_convert.vegalite_to_png(shown, vl_version=VERSION, scale=SCALE))
    if suffix == ".svg":
        return str(vl_convert.vegalite_to_svg(shown, vl_version=VERSION)).encode()
    page = str(vl_convert.vegalite_to_html(shown, vl_version=VERSION, bundle=True))
    title = html.escape(str(spec.get("title", {}).get("text", "")))
    return page.replace("<html>", f'<html lang="{language}">', 1).replace("<title>Chart</title>", f"<title>{title}</title>", 1).encode()


@cache
def chinese_font() -> str:
    """The family of a font on this system that has Chinese characters; blank where none is found."""
    try:
        listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        listed = ""
    families = sorted(line.split(",")[0].strip() for line in listed.splitlines() if line.strip())
    return _sans(families) or next(_in_folders(), "")


def _sans(families: list[str]) -> str:
    """The first without serifs, else the first."""
    return next((each for each in families if any(word in each.lower() for word in ("sans", "hei", "gothic"))), families[0] if families else "")


def _in_folders() -> Iterator[str]:
    for folder in FONT_FOLDERS:
        for path in sorted(Path(folder).glob("*.tt[cf]")) if Path(folder).is_dir() else ():
            yield from (family for start, family in CHINESE_FONTS.items() if path.name.lower().startswith(start))

"""Draw docs/creatures.png: the first 24 creatures of the data set, each with its caption.

    python -m offline.contact_sheet    from data/
"""

from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

import creatures

COLUMNS, ROWS = 6, 4
PICTURE, MARGIN, TEXT = 200, 12, 44  # pixels
OUT = Path(__file__).parents[2] / "docs" / "creatures.png"


def contact_sheet(seed: int = 2026) -> Image.Image:
    """Return the sheet; `seed` is that of `creatures.draw_set`."""
    across, down = PICTURE + MARGIN, PICTURE + TEXT + MARGIN
    sheet = Image.new("RGB", (COLUMNS * across + MARGIN, ROWS * down + MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for index in range(COLUMNS * ROWS):
        picture, caption = creatures.draw(creatures.seed_of(seed, index))
        x = MARGIN + index % COLUMNS * across
        y = MARGIN + index // COLUMNS * down
        sheet.paste(picture.resize((PICTURE, PICTURE), Image.Resampling.LANCZOS), (x, y))
        pen.multiline_text((x, y + PICTURE + 4), "\n".join(wrap(caption, 34)), "black", font)
    return sheet


if __name__ == "__main__":
    contact_sheet().save(OUT, optimize=True)
    print(f"Written: {OUT} ({OUT.stat().st_size / 1000:.0f} kB).")

"""Write the picture in the README: the lecture's network with every value and gradient on it."""

from pathlib import Path

from bpcourse import EXAMPLES, draw

if __name__ == "__main__":
    picture = draw(EXAMPLES["lecture"].backprop())
    path = Path(__file__).resolve().parent.parent / "docs" / "lecture.svg"
    path.write_text(picture.svg + "\n", encoding="utf-8", newline="\n")
    print(path.name, "written")

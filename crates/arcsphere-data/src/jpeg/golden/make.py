"""Small JPEGs of every layout, and the pixels that libjpeg has for them: writes jpegs.gz, progressive.jpg, scans.jpg.

Needs cjpeg, djpeg and jpegtran of libjpeg-turbo 2.1 (Debian: libjpeg-turbo-progs), numpy and Pillow.
"""

import gzip
import io
import pathlib
import subprocess
import tempfile

import numpy as np
from PIL import Image

# Width and height. Where nothing is padded, or nearly all is, some codings are enough.
SIZES = [(1, 1), (7, 5), (16, 16), (17, 33)]
FULL = [(17, 33)]

SAMPLINGS = {
    "4:4:4": "1x1",
    "4:2:2": "2x1",
    "4:4:0": "1x2",
    "4:2:0": "2x2",
    "4:1:1": "4x1",
    "4:4:1": "1x4",
    "4:1:0": "4x2",
    "thirds": "3x1",
    "two alike": "2x2,2x2,1x1",
    "fine chroma": "1x1,2x2,2x2",
    "crossed": "1x2,2x1,1x1",
    "all coarse": "2x1,2x1,2x1",
}

SCANS = {
    "a scan each": "0;1;2;",
    "first alone": "0;1 2;",
    "last alone": "0 1;2;",
    "progressive, a scan each": "0:0-0,0,0;1:0-0,0,0;2:0-0,0,0;0:1-63,0,0;2:1-63,0,0;1:1-63,0,0;",
}

CODINGS = {
    "optimized": ["-optimize"],
    "progressive": ["-progressive"],
    "restart 1": ["-restart", "1"],
    "restart 1B": ["-restart", "1B"],
    "progressive, restart 3B": ["-progressive", "-restart", "3B"],
    "a scan each, restart 2B": ["-restart", "2B", "-scans", "0;1;2;"],
    "first alone, restart 1": ["-restart", "1", "-scans", "0;1 2;"],
}


def run(command, data):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 6 + y / 9), np.cos(x / 7 - y / 8), np.sin((x + 2 * y) / 19), np.cos(x / 9)]
    return (128 + 100 * np.stack(waves, -1)).astype(np.uint8)


def jpegtran(arguments, jpeg):
    with tempfile.NamedTemporaryFile("w", suffix=".scans") as script:
        if "-scans" in arguments:
            script.write(arguments[-1].replace(";", ";\n"))
            script.flush()
            arguments = [*arguments[:-1], script.name]
        return run(["jpegtran", "-copy", "all", *arguments], jpeg)


def pnm(array):
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PPM")
    return out.getvalue()


def without(jpeg, marker):
    """The file without its segments of a marker."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == marker:
            jpeg, end = jpeg[:at] + jpeg[end:], at
        at = end
    return jpeg


def with_adobe(jpeg, transform):
    return jpeg[:2] + b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([transform]) + jpeg[2:]


def with_names(jpeg, names):
    """The file with other names of its channels, in the frame and in its one scan."""
    jpeg = bytearray(jpeg)
    frame, scan = jpeg.find(b"\xff\xc0") + 10, jpeg.find(b"\xff\xda") + 5
    for i, name in enumerate(names):
        jpeg[frame + 3 * i] = jpeg[scan + 2 * i] = name
    return bytes(jpeg)


records = []


def write(name, data):
    records.append(f"{name}\n{len(data)}\n".encode() + data)


def write_group(name, base, codings):
    """libjpeg's pixels, and each coding of the same coefficients."""
    write(f"pixels\t{name}", run(["djpeg", "-pnm"], base))
    write("baseline", base)
    for coding, arguments in codings.items():
        write(coding, jpegtran(arguments, base))


def main():
    scans = {name: ["-scans", script] for name, script in SCANS.items()}
    for size in SIZES:
        name, pixels = f"{size[0]}x{size[1]}", picture(*size)
        codings = CODINGS | scans
        if size not in FULL:
            codings = {coding: codings[coding] for coding in ("progressive", "a scan each, restart 2B", "first alone")}
        one = {coding: arguments for coding, arguments in codings.items() if "-scans" not in arguments}
        color, gray, inks = pnm(pixels[..., :3].copy()), pnm(pixels[..., 0].copy()), pixels
        for sampling, factors in SAMPLINGS.items():
            base = run(["cjpeg", "-quality", "50", "-sample", factors], color)
            write_group(f"{name} {sampling}", base, codings)
        for sampling in ("4:4:4", "4:2:0"):
            base = run(["cjpeg", "-rgb", "-quality", "50", "-sample", SAMPLINGS[sampling]], color)
            write_group(f"{name} RGB {sampling}", base, codings)
        for factors in ("1x1", "2x2", "3x1"):
            base = run(["cjpeg", "-quality", "50", "-sample", factors], gray)
            write_group(f"{name} gray {factors}", base, one)
        for subsampling in (0, 2):
            out = io.BytesIO()
            Image.fromarray(inks, "CMYK").save(out, "JPEG", quality=50, subsampling=subsampling)
            plain = without(out.getvalue(), 0xEE)
            each = {"a scan each": ["-scans", "0;1;2;3;"]}
            write_group(f"{name} CMYK {subsampling}", with_adobe(plain, 0), one | each)
            write_group(f"{name} YCCK {subsampling}", with_adobe(plain, 2), one | each)
            write_group(f"{name} CMYK of no name {subsampling}", plain, one | each)

    # How a decoder is to know what the three channels are.
    base = run(["cjpeg", "-quality", "50", "-sample", "1x1"], pnm(picture(16, 16)[..., :3].copy()))
    bare = without(base, 0xE0)
    write_group("bare", bare, {})
    write_group("bare, names 0 1 2", with_names(bare, [0, 1, 2]), {})
    write_group("bare, names R G B", with_names(bare, b"RGB"), {})
    write_group("JFIF, names R G B", with_names(base, b"RGB"), {})
    write_group("JFIF and Adobe RGB", with_adobe(base, 0), {})
    write_group("Adobe RGB", with_adobe(bare, 0), {})
    write_group("Adobe YCbCr, names R G B", with_names(with_adobe(bare, 1), b"RGB"), {})
    write_group("extended", base.replace(b"\xff\xc0", b"\xff\xc1"), {})
    write_group("quality 1", run(["cjpeg", "-quality", "1"], run(["djpeg"], base)), {})

    write("refused\tarithmetic", jpegtran(["-arithmetic"], base))
    write("refused\tarithmetic", jpegtran(["-arithmetic", "-progressive"], base))
    write("refused\tcoefficients", jpegtran(["-scans", "0 1 2: 0-0, 0, 0;"], base))
    write("refused\tcoefficients", jpegtran(["-scans", "0 1 2: 0-0, 0, 1;"], base))
    # Of one color, and so small files, to measure what decoding takes.
    flat = run(["cjpeg", "-quality", "50"], pnm(np.full((504, 704, 3), (200, 90, 40), np.uint8)))
    here = pathlib.Path(__file__).parent
    here.joinpath("progressive.jpg").write_bytes(jpegtran(["-progressive"], flat))
    here.joinpath("scans.jpg").write_bytes(jpegtran(["-optimize", "-scans", "0;1;2;"], flat))

    packed = gzip.compress(b"".join(records), 9, mtime=0)
    here.joinpath("jpegs.gz").write_bytes(packed)
    print(len(records), "records,", sum(map(len, records)), "bytes,", len(packed), "packed")


if __name__ == "__main__":
    main()

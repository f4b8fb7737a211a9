"""Small images of every format and kind that is read, and their pixels: writes images.gz, lossy.webp.

Needs numpy, Pillow, tifffile and imagecodecs. Records are those of ../../jpeg/golden/README.md.
"""

import gzip
import io
import pathlib

import numpy as np
import tifffile
from PIL import Image

WIDTH, HEIGHT = 13, 9
records = []


def write(name, data):
    records.append(f"{name}\n{len(data)}\n".encode() + data)


def pnm(array):
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PPM")
    return out.getvalue()


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def eight_bits(array):
    """Of 16 bits: to the nearest."""
    return np.floor(array / 257 + 0.5).astype(np.uint8)


def main():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    color = np.stack([x * 19, y * 28, (x * y * 7) % 256], -1).astype(np.uint8)
    gray = color[..., 2].copy()
    deep = color.astype(np.uint16) * 257 + x[..., None].astype(np.uint16) * 3  # wraps around
    bits = (x + y) % 3 == 0
    alpha = ((x * 31) % 256).astype(np.uint8)
    image, luma = Image.fromarray(color), Image.fromarray(gray)
    with_alpha = Image.fromarray(np.dstack([color, alpha]))
    few = image.quantize(16)
    cyan = 255 - np.dstack([color, gray // 2])

    write("pixels\tgray", pnm(gray))
    for format in ("PNG", "BMP", "PPM", "TIFF", "GIF"):
        write(format, saved(luma, format))
    write("lossless WebP", saved(luma.convert("RGB"), "WEBP", lossless=True))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        write(f"TIFF {compression}", saved(luma, "TIFF", compression=compression))
    write("TIFF, white is 0", tiff(255 - gray, photometric="miniswhite"))
    write("TIFF, big-endian", tiff(gray, byteorder=">"))
    write("TIFF, big file", tiff(gray, bigtiff=True))
    write("TIFF, tiles", tiff(gray, tile=(16, 16)))
    write("TIFF, predictor", tiff(gray, compression="deflate", predictor=True))
    write("TIFF, strips", tiff(gray, rowsperstrip=2))
    write("TIFF, two pages", tiff(np.stack([gray, 255 - gray]), photometric="minisblack"))
    write("gray and alpha", saved(Image.merge("LA", [luma, Image.fromarray(alpha)]), "PNG"))
    write("GIF, two frames", saved(luma, "GIF", save_all=True, append_images=[Image.fromarray(255 - gray)]))

    write("pixels\tcolor", pnm(color))
    for format in ("PNG", "BMP", "PPM", "TIFF"):
        write(format, saved(image, format))
    write("lossless WebP", saved(image, "WEBP", lossless=True))
    write("WebP, two frames", saved(image, "WEBP", lossless=True, save_all=True, append_images=[few.convert("RGB")]))
    write("PNG, alpha", saved(with_alpha, "PNG"))
    write("TIFF, alpha", saved(with_alpha, "TIFF"))
    write("lossless WebP, alpha", saved(with_alpha, "WEBP", lossless=True, exact=True))
    write("TIFF, planes", tiff(color.transpose(2, 0, 1), planarconfig="separate", photometric="rgb"))
    write("TIFF, tiles", tiff(color, tile=(16, 16), compression="lzw", photometric="rgb"))
    write("TIFF, predictor", tiff(color, compression="lzw", predictor=True, photometric="rgb"))
    write("TIFF, parts of white", tiff(color.astype(np.float32) / 255, photometric="rgb"))

    write("pixels\tfew colors", pnm(np.asarray(few.convert("RGB"))))
    write("GIF", saved(few, "GIF"))
    write("GIF, not interlaced", saved(few, "GIF", interlace=0))
    write("PNG", saved(few, "PNG"))
    write("BMP", saved(few, "BMP"))

    write("pixels\tgray of 16 bits", pnm(eight_bits(deep[..., 0])))
    write("PNG", saved(Image.fromarray(deep[..., 0].copy()), "PNG"))
    write("TIFF", tiff(deep[..., 0]))
    write("TIFF, big-endian", tiff(deep[..., 0], byteorder=">", compression="lzw", predictor=True))
    write("PGM", f"P5 {WIDTH} {HEIGHT} 65535\n".encode() + deep[..., 0].astype(">u2").tobytes())

    write("pixels\tcolor of 16 bits", pnm(eight_bits(deep)))
    write("TIFF", tiff(deep, photometric="rgb"))

    write("pixels\tblack and white", pnm(bits.astype(np.uint8) * 255))
    for format in ("PNG", "BMP", "PPM", "TIFF"):
        write(format, saved(Image.fromarray(bits), format))
    write("TIFF, fax", saved(Image.fromarray(bits), "TIFF", compression="group4"))

    write("pixels\tinks", pnm(np.asarray(Image.fromarray(cyan, "CMYK").convert("RGB"))))
    write("TIFF", saved(Image.fromarray(cyan, "CMYK"), "TIFF"))

    lossy = saved(image, "WEBP", quality=80)
    write("pixels\tlossy", pnm(np.asarray(Image.open(io.BytesIO(lossy)).convert("RGB"))))
    write("WebP", lossy)

    write("refused\tcompressed as JPEG", saved(image, "TIFF", compression="jpeg"))
    write("refused\texpected 0 (black) to 1 (white)", tiff(color.astype(np.float32), photometric="rgb"))
    write("refused\tTiff", tiff(gray.astype(np.float32)))
    write("refused\tTiff", tiff(gray.astype(np.uint32)))
    write("refused\tTiff", tiff(gray.astype(np.int16)))
    write("refused\tTiff", tiff(gray // 128, compression=None, colormap=np.zeros((3, 256), np.uint16)))
    # Of one color, to measure what decoding takes.
    flat = Image.new("RGB", (704, 504), (200, 90, 40))
    here = pathlib.Path(__file__).parent
    here.joinpath("lossy.webp").write_bytes(saved(flat, "WEBP", quality=80))

    packed = gzip.compress(b"".join(records), 9, mtime=0)
    here.joinpath("images.gz").write_bytes(packed)
    print(len(records), "records,", sum(map(len, records)), "bytes,", len(packed), "packed")


if __name__ == "__main__":
    main()

"""Writes TIFF stacks with tifffile and Pillow: three pages of 5 x 4 pixels, in which pixel i of page k is 20 k + i."""

import numpy as np
import tifffile
from PIL import Image

pages = np.arange(60).reshape(3, 5, 4)
tifffile.imwrite("u2.tif", pages.astype("u2"), photometric="minisblack")
tifffile.imwrite("u4_big.tif", pages.astype("u4"), bigtiff=True, byteorder=">", compression="zlib", predictor=False,
                 rowsperstrip=2, photometric="minisblack")
tifffile.imwrite("f4.tif", pages.astype("f4"), imagej=True)
tifffile.imwrite("i2_predictor.tif", pages.astype("i2") - 30, compression="zlib", predictor=True, rowsperstrip=3,
                 photometric="minisblack")
images = [Image.fromarray(p.astype("u1")) for p in pages]
images[0].save("u1_lzw.tif", save_all=True, append_images=images[1:], compression="tiff_lzw")

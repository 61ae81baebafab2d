"""Makes the HDF5 files of this folder, with h5py 3.16, hdf5plugin 7.1 and NumPy: python make_files.py

Values are those of pattern() below, which the tests compute, too, so that a wrong order, type or filter shows."""

import os

import h5py
import hdf5plugin
import numpy as np


def pattern(shape):
    """0, 1, 2, ... as 7 i mod 251: fits every type."""
    return (7 * np.arange(np.prod(shape, dtype=int)) % 251).reshape(shape)


def types(file):
    for name in ("u1", "i2", "u2", ">u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8"):
        values = pattern((2, 3, 4)) % 100
        if name[-2] == "i":
            values = values - 50
        if name[-2] == "f":
            values = values / 4
        file["types/" + name.replace(">", "big-")] = values.astype(name)
    file["types/bool"] = pattern((2, 3, 4)) % 2 == 1
    file["types/c8"] = (pattern((2, 3)) - 1j * pattern((2, 3))).astype("c8")
    file["types/c16"] = (pattern((2, 3)) - 1j * pattern((2, 3))).astype("c16")
    real_imag = np.zeros((2, 3), [("real", "f8"), ("imag", "f8")])
    real_imag["real"], real_imag["imag"] = pattern((2, 3)), -pattern((2, 3))
    file["types/real_imag"] = real_imag
    file["types/structure"] = np.zeros(2, [("x", "f4"), ("n", "i4")])
    values = (pattern((2, 3)) - 1j * pattern((2, 3))).astype("c8")
    native = h5py.h5t.NATIVE_FLOAT_COMPLEX  # the class of HDF5 2.0, which h5py does not write by itself
    dataset = h5py.h5d.create(file["types"].id, b"native_complex", native, h5py.h5s.create_simple((2, 3)))
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values, native)
    file["text/variable"] = "grüße"
    file.create_dataset("text/fixed", data=np.bytes_("hello"))
    file.create_dataset("text/list", data=["a", "b"], dtype=h5py.string_dtype())
    file["scalar/float"] = 1.5
    file["scalar/int"] = 7
    file["scalar/one"] = np.array([2.5])
    file["scalar/null"] = h5py.Empty("f4")
    file["none"] = np.zeros((0, 4))
    file["group/deep/data"] = pattern((3,))
    at = file["group"].attrs
    at["float"], at["int"], at["text"], at["bytes"], at["list"] = 1.25, 3, "grüße", np.bytes_("old"), [1.0, 2.0]
    at["one"] = np.array([4.0])


def packed(file):
    data = (pattern((5, 16, 16)) // 32).astype("u2")  # lets lzf find something
    file.create_dataset("gzip", data=data, chunks=(1, 16, 16), compression="gzip")
    file.create_dataset("gzip-shuffle", data=data, chunks=(2, 8, 16), compression="gzip", shuffle=True)
    file.create_dataset("lzf", data=data, chunks=(1, 16, 16), compression="lzf")
    file.create_dataset("lzf-shuffle", data=data, chunks=(2, 16, 8), compression="lzf", shuffle=True)
    file.create_dataset("fletcher32", data=data, chunks=(1, 16, 16), fletcher32=True)
    # Noise does not shrink: lzf leaves such chunks uncompressed and marks them. A page of zeros shrinks most.
    noise = np.random.default_rng(1).integers(0, 2**16, (2, 16, 16), dtype="u2")
    file.create_dataset("lzf-noise", data=noise, chunks=(1, 16, 16), compression="lzf")
    file.create_dataset("plain-noise", data=noise)
    file.create_dataset("lzf-zeros", data=np.zeros((2, 64, 64), "f4"), chunks=(1, 64, 64), compression="lzf")
    # Filters of plugins that are not installed here: the datasets exist without data.
    for name, number in (("blosc", 32001), ("unknown", 31999)):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((1, 16, 16))
        properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((5, 16, 16))
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_U16LE, space, properties)


def filters(file):
    """Filters of plug-ins. 3 x 17 x 19 elements are no multiple of 8, which bitshuffle stores apart."""
    data = (pattern((6, 17, 19)) // 32).astype("u4")
    for name, filter in (("bitshuffle", hdf5plugin.Bitshuffle()), ("lz4", hdf5plugin.LZ4()),
                         ("bitshuffle-plain", hdf5plugin.Bitshuffle(cname="none")),
                         ("bitshuffle-zstd", hdf5plugin.Bitshuffle(cname="zstd")),
                         ("zstd", hdf5plugin.Zstd()), ("bzip2", hdf5plugin.BZip2())):
        for kind in ("u1", "u2", "u4"):
            file.create_dataset(name + "/" + kind, data=data.astype(kind), chunks=(3, 17, 19), **filter)
    # A shutter that stays closed: zstd makes 4 MB of zeros into 150 bytes.
    file.create_dataset("blank", shape=(80, 1024, 1024), dtype="u4", chunks=(1, 1024, 1024), **hdf5plugin.Zstd())
    for frame in range(80):
        file["blank"][frame] = 0


def virtual(file):
    """Virtual datasets. expected/NAME has what h5py reads, with all files in place."""
    frames = pattern((12, 6, 5)).astype("u2")
    sources = {"one": frames[:5], "two": frames[5:10], "three": frames[10:], "half": frames[:6, :3],
               "other": frames[:6, 3:], "channels": frames.reshape(6, 2, 6, 5), "list": np.arange(5.0),
               "single": frames[3]}
    for name, data in sources.items():
        with h5py.File(f"parts/{name}.h5", "w") as part:
            part["data"] = data
    source = {name: h5py.VirtualSource(f"parts/{name}.h5", "data", data.shape) for name, data in sources.items()}

    def make(name, shape, fill, type="u2", fillvalue=0, **places):
        layout = h5py.VirtualLayout(shape, type, **places)
        fill(layout)
        return file.create_virtual_dataset(name, layout, fillvalue=fillvalue)

    def put(*pairs):
        def fill(layout):
            for place, part in pairs:
                layout[place] = part
        return fill

    one, two, three = source["one"], source["two"], source["three"]
    make("joined", (12, 6, 5), put((np.s_[:5], one), (np.s_[5:10], two), (np.s_[10:], three)))
    make("wide", (12, 6, 5), put((np.s_[:5], one), (np.s_[5:10], two), (np.s_[10:], three)), "f8")
    make("interleaved", (10, 6, 5), put((np.s_[0::2], one), (np.s_[1::2], two)))
    make("backwards", (5, 6, 5), put(*((i, one[4 - i]) for i in range(5))))
    make("each", (5, 6, 5), put(*((i, one[i]) for i in range(5))))
    make("some", (4, 6, 5), put((np.s_[:2], one[1:4:2]), (np.s_[2:], two[3:5])))
    make("raster", (2, 5, 6, 5), put((0, one), (1, two)))
    make("raster-in-one", (10, 6, 5), put((np.s_[:10], h5py.VirtualSource("virtual.h5", "raster", (2, 5, 6, 5)))))
    make("modules", (6, 8, 7), put((np.s_[:, 0:3, 1:6], source["half"]), (np.s_[:, 5:8, 1:6], source["other"])),
         fillvalue=9)
    make("rows", (5, 6, 5), put((np.s_[:, ::2], one[:, :3]), (np.s_[:, 1::2], one[:, 3:])))
    make("window", (5, 2, 3), put((np.s_[:], one[:, 2:4, 1:4])))
    make("channel", (6, 6, 5), put((np.s_[:], source["channels"][:, 1])))
    make("channels", (6, 2, 6, 5), put((np.s_[:], source["channels"])))
    make("columns", (5, 2), put((np.s_[:, 1], source["list"]), (np.s_[:, 0], source["list"])), "f8")
    make("singles", (3, 6, 5), put(*((i, source["single"]) for i in range(3))))
    make("nested", (12, 6, 5), put((np.s_[:], h5py.VirtualSource("virtual.h5", "joined", (12, 6, 5)))))
    make("same-file", (5, 6, 5), put((np.s_[:], h5py.VirtualSource(".", "interleaved", (10, 6, 5))[::2])))
    for name in list(file):
        file["expected/" + name] = file[name][...]
        assert np.count_nonzero(file["expected/" + name]) > 4, name

    # What is lost: a file, a dataset, the end of a file, frames that nothing maps to, one of two modules.
    missing = h5py.VirtualSource("parts/missing.h5", "data", (5, 6, 5))
    make("lost/file", (12, 6, 5), put((np.s_[:5], one), (np.s_[5:10], missing), (np.s_[10:], three)))
    make("lost/dataset", (10, 6, 5), put((np.s_[:5], one),
                                         (np.s_[5:], h5py.VirtualSource("parts/two.h5", "absent", (5, 6, 5)))))
    make("lost/end", (12, 6, 5), put((np.s_[:8], h5py.VirtualSource("parts/one.h5", "data", (8, 6, 5))),
                                     (np.s_[10:], three)))
    make("lost/module", (6, 6, 5), put((np.s_[:, :3], source["half"]),
                                       (np.s_[:, 3:], h5py.VirtualSource("parts/missing.h5", "data", (6, 3, 5)))))
    make("lost/terabyte", (10**9, 1000, 1000), put((np.s_[:5, :6, :5], one)))
    make("lost/all", (5, 6, 5), put((np.s_[:], missing)))

    make("bad/outside", (2, 3, 4), put((np.s_[:], h5py.VirtualSource("../types.h5", "types/u2", (2, 3, 4)))))
    make("bad/size", (2, 7, 4), put((np.s_[:], h5py.VirtualSource("parts/one.h5", "data", (5, 7, 4))[:2])))
    make("bad/kind", (5,), put((np.s_[:], h5py.VirtualSource("../linked/scan.h5", "text", (5,)))), "S3", None)
    make("bad/twice", (5, 6, 5), put((np.s_[:3], one[:3]), (np.s_[2:], one[2:])))
    make("bad/ring", (5, 6, 5), put((np.s_[:], h5py.VirtualSource(".", "bad/ring-too", (5, 6, 5)))))
    make("bad/ring-too", (5, 6, 5), put((np.s_[:], h5py.VirtualSource(".", "bad/ring", (5, 6, 5)))))
    make("bad/structure", (2,), put((np.s_[:], h5py.VirtualSource("parts/one.h5", "data", (2,)))), "i4,f4", None)
    for name, file_name in (("endless", b"parts/one.h5"), ("numbered", b"parts/%b.h5")):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        to = h5py.h5s.create_simple((0, 6, 5), (h5py.h5s.UNLIMITED, 6, 5))
        of = h5py.h5s.create_simple((5, 6, 5), (h5py.h5s.UNLIMITED, 6, 5))
        to.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (5, 1, 1), (5, 6, 5))
        if name == "endless":
            of.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (5, 1, 1), (5, 6, 5))
        properties.set_virtual(to, file_name, b"data", of)
        h5py.h5d.create(file["bad"].id, name.encode(), h5py.h5t.STD_U16LE, to, properties)


def links(file):
    file["real/data"] = pattern((4,))
    file["soft"] = h5py.SoftLink("/real/data")
    file["group-link"] = h5py.SoftLink("/real")
    file["real/relative"] = h5py.SoftLink("data")
    file["twice"] = h5py.SoftLink("/soft")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["ring-a"] = h5py.SoftLink("/ring-b")
    file["ring-b"] = h5py.SoftLink("/ring-a")
    file["external"] = h5py.ExternalLink("types.h5", "/types/u2")
    file["to-external"] = h5py.SoftLink("/external")
    layout = h5py.VirtualLayout((2, 3, 4), "u2")
    layout[:] = h5py.VirtualSource("types.h5", "types/u2", (2, 3, 4))
    file.create_virtual_dataset("virtual", layout)
    file.create_dataset("outside", (4,), "u1", external=[("outside.raw", 0, 4)])


def linked(file):
    """Links to other files; scan.h5 and part.h5 are in the folder linked, other.h5 is in linked/below."""
    file["own"] = pattern((3,))
    file["beside"] = h5py.ExternalLink("part.h5", "/data")
    file["below"] = h5py.ExternalLink("below/other.h5", "/group")
    file["through"] = h5py.SoftLink("/below/back/data")
    file["nothing-there"] = h5py.ExternalLink("part.h5", "/absent")
    file["moved"] = h5py.ExternalLink("/nowhere/of/old/part.h5", "/data")
    file["missing"] = h5py.ExternalLink("missing.h5", "/data")
    file["missing-folder"] = h5py.ExternalLink("/nowhere/missing.h5", "/data")
    file["above"] = h5py.ExternalLink("../types.h5", "/types/u2")
    file["round"] = h5py.ExternalLink("below/../../types.h5", "/types/u2")
    file["absolute"] = h5py.ExternalLink("/etc/hostname", "/data")
    file["folder"] = h5py.ExternalLink("below", "/data")
    file["no-hdf5"] = h5py.ExternalLink("text.txt", "/data")
    file["ring"] = h5py.ExternalLink("part.h5", "/ring")
    file["itself"] = h5py.ExternalLink("scan.h5", "/itself")


def part(file):
    file["data"] = pattern((4,))
    file["ring"] = h5py.ExternalLink("scan.h5", "/ring")


def other(file):
    file["group/deep"] = pattern((5,))
    file["group"].attrs["float"] = 2.5
    file["group/back"] = h5py.ExternalLink("../part.h5", "/")


os.chdir(os.path.dirname(os.path.abspath(__file__)))
os.makedirs("linked/below", exist_ok=True)
os.makedirs("virtual/parts", exist_ok=True)
with open("linked/text.txt", "w") as text:
    text.write("no HDF5 file\n")
for name, fill in (("types", types), ("packed", packed), ("filters", filters), ("links", links),
                   ("linked/scan", linked), ("linked/part", part), ("linked/below/other", other)):
    with h5py.File(f"{name}.h5", "w") as f:
        fill(f)
os.chdir("virtual")  # where h5py searches the parts
with h5py.File("virtual.h5", "w") as f:
    virtual(f)

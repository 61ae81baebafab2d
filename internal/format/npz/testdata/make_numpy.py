# Makes numpy.npz, numpy_compressed.npz and the folder fuzz, files of numpy itself for the tests of the reader.
# Run in this folder with any numpy of version 1.20 or later.
import io
import os
import pathlib

import numpy as np

def ramp(dtype, shape=(2, 3, 4)):
    a = np.arange(np.prod(shape)).reshape(shape)
    return (a + 0.5j * a if np.dtype(dtype).kind == "c" else a).astype(dtype)

arrays = {"c_" + d.replace("<", "l").replace(">", "b").replace("|", ""): ramp(d) for d in [
    "|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", ">u2", "<u4", "<u8", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8",
    "<c16"]}
arrays["f_lf4"] = np.asfortranarray(ramp("<f4"))
arrays["f_lc8"] = np.asfortranarray(ramp("<c8"))
arrays["empty"] = np.zeros((0, 4), "<f4")
arrays["scalar"] = np.float64(1.5)
arrays["text"] = np.array("Ångström 試料")
arrays["no_text"] = np.array("")
arrays["object"] = np.array({"a": 1})
arrays["half"] = ramp("<f2")
arrays["record"] = np.zeros(3, [("x", "<f4"), ("y", "<i2", (2,))])
np.savez("numpy.npz", **arrays)
np.savez_compressed("numpy_compressed.npz", **arrays)

# Seeds of the fuzz targets, in the form in which `go test` keeps its corpus.
def seed(target, name, content):
    folder = pathlib.Path("fuzz", target)
    os.makedirs(folder, exist_ok=True)
    text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\x{c:02x}" for c in content)
    (folder / name).write_text(f'go test fuzz v1\n[]byte("{text}")\n')

def saved(save, *args, **kwargs):
    f = io.BytesIO()
    save(f, *args, **kwargs)
    return f.getvalue()

small = {name: arrays[name] for name in ["c_bu2", "f_lc8"]}
seed("FuzzNPZ", "stored", saved(np.savez, **small))
seed("FuzzNPZ", "deflated", saved(np.savez_compressed, **small))
seed("FuzzNPZ", "object", saved(np.savez, o=arrays["object"], t=np.array("ab")))
seed("FuzzNPZ", "empty", saved(np.savez, e=arrays["empty"]))
for name in ["c_bf4", "f_lf4", "object", "record", "scalar"]:
    seed("FuzzNPY", name, saved(np.save, arrays[name]))

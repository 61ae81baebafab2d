"""ptyx watch follows senders that others wrote; the object ends as the bytes of the same counts in a file.

libzmq sends messages of cbor2 and JSON whose data hdf5plugin has packed. DECTRIS detectors are simulated by
tickit-devices, which sends an image of a real EIGER2, and by libertem-dectris."""

import io
import json
import subprocess
import threading
import time

import cbor2
import h5py
import hdf5plugin
import libertem_dectris
import numpy as np
import zmq
from tickit.adapters.io.zeromq_push_io import ZeroMqPushIo
from tickit_devices.eiger.data.dummy_image import Image
from tickit_devices.eiger.eiger_settings import EigerSettings
from tickit_devices.eiger.stream.eiger_stream import EigerStream
from tickit_devices.eiger.stream.eiger_stream_2 import EigerStream2

from files import CASES, SCAN
from objects import arrays
from pages import beside

SERIES = 7
FILTERS = {"bslz4": hdf5plugin.Bitshuffle(), "lz4": hdf5plugin.LZ4(nbytes=4096), "none": None}


def packed(counts, name):
    """One image as hdf5plugin packs it in a chunk."""
    options = FILTERS[name] or {}
    with h5py.File(io.BytesIO(), "w") as f:
        d = f.create_dataset("d", data=counts[None], chunks=(1, *counts.shape), **options)
        return d.id.read_direct_chunk((0, 0, 0))[1]


def unpacked(data, shape, dtype):
    """One image as hdf5plugin unpacks it from a chunk of bitshuffle and LZ4."""
    with h5py.File(io.BytesIO(), "w") as f:
        d = f.create_dataset("d", (1, *shape), dtype, chunks=(1, *shape), **hdf5plugin.Bitshuffle())
        d.id.write_direct_chunk((0, 0, 0), data)
        return d[0]


def version1(frames, name):
    """Messages of version 1, with the header in all its detail."""
    h, w = frames[0][1].shape
    yield [json.dumps(part).encode() if isinstance(part, dict) else part for part in (
        {"htype": "dheader-1.0", "series": SERIES, "header_detail": "all"},
        {"nimages": len(frames), "ntrigger": 1, "bit_depth_image": 16, "photon_energy": 8000.0},
        {"htype": "dflatfield-1.0", "shape": [w, h], "type": "float32"}, np.ones((h, w), "<f4").tobytes(),
        {"htype": "dpixelmask-1.0", "shape": [w, h], "type": "uint32"}, np.zeros((h, w), "<u4").tobytes(),
        {"htype": "dcountrate_table-1.0", "shape": [2, 3], "type": "float32"}, np.ones((3, 2), "<f4").tobytes(),
        b"an appendix")]
    encoding = {"bslz4": "bs16-lz4<", "none": "<"}[name]
    for number, counts in frames:
        data = packed(counts, name)
        yield [json.dumps({"htype": "dimage-1.0", "series": SERIES, "frame": number, "hash": ""}).encode(),
               json.dumps({"htype": "dimage_d-1.0", "shape": [w, h], "type": "uint16", "encoding": encoding,
                           "size": len(data)}).encode(), data,
               json.dumps({"htype": "dconfig-1.0", "start_time": 0, "stop_time": 1, "real_time": 1}).encode()]
    yield [json.dumps({"htype": "dseries_end-1.0", "series": SERIES}).encode()]


def version2(frames, name):
    h, w = frames[0][1].shape
    both = {"series_id": SERIES, "series_unique_id": "01"}
    yield [cbor2.dumps({"type": "start", **both, "number_of_images": len(frames), "image_dtype": "uint16",
                        "image_size_x": w, "image_size_y": h, "channels": ["threshold_1"],
                        "pixel_mask": {"threshold_1": array(np.zeros((h, w), "<u4").tobytes(), (h, w), 70)}})]
    for number, counts in frames:
        data = packed(counts, name)
        content = data if name == "none" else cbor2.CBORTag(56500, [name, 2, data])
        yield [cbor2.dumps({"type": "image", **both, "image_id": number, "start_time": [0, 50000000],
                            "data": {"threshold_1": array(content, (h, w), 69)}})]
    yield [cbor2.dumps({"type": "end", **both})]


def array(content, shape, tag):
    return cbor2.CBORTag(40, [list(shape), cbor2.CBORTag(tag, content)])


def simulated(version, count, detail):
    """Messages of tickit-devices, as its adapter sends them, and the image in all of them."""
    settings = EigerSettings(nimages=count)
    stream = EigerStream() if version == 1 else EigerStream2()
    shape = (settings.x_pixels_in_detector, settings.y_pixels_in_detector)
    image = Image.create_dummy_image(0, shape)
    messages, sender = [], ZeroMqPushIo()

    def gather():
        messages.append(sender._serialize(list(stream.consume_data())))

    stream.begin_series(settings, SERIES, detail)
    gather()
    for number in range(count):
        stream.insert_image(Image.create_dummy_image(number, shape), SERIES)
        gather()
    stream.end_series(SERIES)
    gather()
    data = image.data
    if version == 2:
        content = cbor2.loads(messages[1][0])["data"]["threshold_1"].value[1].value.value
        data = content[2]
    return messages, unpacked(data, shape[::-1], "<u2")


def follow(ptyx, files, address, out, *flags):
    return subprocess.Popen([ptyx.program, "watch", address, "--model-path", CASES[0].run, "--output-dir", out,
                             "--every", "100ms", "--idle", "60s", "--device", "cpu", "--json", "--quiet", *flags],
                            cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def infer(ptyx, files, counts, x, y, out, *flags):
    """The bytes of ptyx infer on counts in a file, but for sigma, which needs the complete object."""
    scan = out.with_suffix(".npz")
    np.savez(scan, diff3d=counts, xcoords=x, ycoords=y)
    subprocess.run([ptyx.program, "infer", "--model-path", CASES[0].run, "--test-data", scan, "--output-dir", out,
                    "--device", "cpu", "--input", "intensity", "--quiet", *flags], cwd=files, check=True)
    return arrays(out / "reconstruction.npz")


def from_files(ptyx, files, counts, x, y, out, *flags):
    """The bytes of ptyx watch on counts in a file: unlike infer, it does not scale the probe to their exposure."""
    parts = out.with_name("stream-parts")
    parts.mkdir(exist_ok=True)
    np.savez(parts / "part.npz", diff3d=counts, xcoords=x, ycoords=y, ids=np.arange(len(x)),
             bad_pixels=(counts[0] == 65535).astype("f4"))  # gaps between the modules
    process = follow(ptyx, files, parts, out, "--frames", str(len(x)), "--input", "intensity", *flags)
    _, complaints = process.communicate(timeout=120)
    if process.returncode:
        raise RuntimeError(complaints)
    return arrays(out / "reconstruction.npz")


class Sender:
    """A PUSH socket of libzmq on a free port."""

    def __init__(self):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUSH)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{self.port}"

    def send(self, messages):
        for message in messages:
            self.socket.send_multipart(message)

    def close(self):
        self.socket.close(linger=0)
        self.context.term()


def finish(report, name, process, out, expected, count):
    output, complaints = process.communicate(timeout=120)
    report.same(f"{name}: exit status", process.returncode, 0)
    if process.returncode:
        report.same(f"{name}: complaints", complaints, "")
        return
    summary = json.loads(output)
    report.same(f"{name}: frames, missing, damaged, other series",
                [summary[key] for key in ("frames", "missing", "damaged", "other_series")], [count, 0, 0, 0])
    report.same(f"{name}: reconstruction.npz has the bytes of the same counts in a file",
                arrays(out / "reconstruction.npz") == expected, True)


def check_libzmq(report, files, ptyx, place):
    with np.load(files / SCAN, allow_pickle=False) as z:
        counts, x, y = np.minimum(np.rint(z["diff3d"]**2), 60000).astype("<u2"), z["xcoords"], z["ycoords"]
    expected = infer(ptyx, files, counts, x, y, place / "stream-file")
    order = np.random.default_rng(6).permutation(len(counts))
    frames = [(int(i), counts[i]) for i in order]
    out = place / "stream-live"
    for make, names in ((version1, ("bslz4", "none")), (version2, ("bslz4", "lz4", "none"))):
        for name in names:
            detector, stage = Sender(), Sender()
            process = follow(ptyx, files, detector.address, out, "--positions-file", stage.address)
            detector.send(make(frames, name))
            for some in np.array_split(order[::-1], 10):
                stage.socket.send_json({"ids": some.tolist(), "x": x[some].tolist(), "y": y[some].tolist(),
                                        "unit": "px"})
            finish(report, f"libzmq: {make.__name__}, {name}", process, out, expected, len(counts))
            detector.close()
            stage.close()


def check_tickit(report, files, ptyx, place):
    count, crop = 5, ("--crop", "128@2163,2049", "--bin", "2")
    x, y = 250.0 * np.arange(count), 100.0 * np.arange(count)  # pixels of the complete detector
    out, plan = place / "stream-live", place / "stream-plan.csv"
    plan.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))
    for version, detail in ((1, "basic"), (1, "all"), (2, "basic"), (2, "all")):
        messages, image = simulated(version, count, detail)
        expected = from_files(ptyx, files, np.stack([image] * count), x, y, place / "stream-file", *crop)
        detector = Sender()
        process = follow(ptyx, files, detector.address, out, "--positions-file", plan, *crop)
        detector.send(messages)
        finish(report, f"tickit-devices: version {version}, {detail}", process, out, expected, count)
        detector.close()


def check_libertem(report, files, ptyx, place):
    count, crop = 6, ("--crop", "64")
    x, y = 56.0 * np.arange(count), 24.0 * np.arange(count)  # pixels of the complete detector
    out, plan = place / "stream-live", place / "stream-plan.csv"
    plan.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))

    def start():
        sim = libertem_dectris.DectrisSim.new_mocked("tcp://127.0.0.1", count, random_port=True)

        def send():
            sim.send_headers()
            sim.send_frames()
            sim.send_footer()
            time.sleep(2)  # until all was taken

        address, thread = sim.get_uri(), threading.Thread(target=send)
        thread.start()
        return address, thread

    address, thread = start()
    socket = zmq.Context.instance().socket(zmq.PULL)
    socket.connect(address)
    images = []
    while len(images) < count:
        parts = socket.recv_multipart()
        if len(parts) > 2:
            h, w = json.loads(parts[1])["shape"][::-1]
            # The simulator leaves the size and the block of the header 0.
            data = (2 * h * w).to_bytes(8) + (8192).to_bytes(4) + parts[2][12:]
            images.append(unpacked(data, (h, w), "<u2"))
    socket.close()
    thread.join()
    expected = from_files(ptyx, files, np.stack(images), x, y, place / "stream-file", *crop)
    address, thread = start()
    process = follow(ptyx, files, address, out, "--positions-file", plan, *crop)
    finish(report, "libertem-dectris: version 1", process, out, expected, count)
    thread.join()


def check(report, files, ptyx):
    place = beside(files).resolve()
    check_libzmq(report, files, ptyx, place)
    check_tickit(report, files, ptyx, place)
    check_libertem(report, files, ptyx, place)

// Package simplontest makes messages as DECTRIS detectors send them, for tests and benchmarks. Senders that others
// wrote are tested in interop.
package simplontest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/pierrec/lz4/v4"
)

// Detector describes the messages of one series.
type Detector struct {
	Series        int64
	Version       int // 1 or 2
	Height, Width int
	Images        int
	Energy        float64  // eV
	Distance      float64  // metres
	Pixel         float64  // metres
	Mask          []uint32 // (Height, Width), or nil
	Packing       string   // "", "lz4" or "bslz4"
}

// Start is the message at the beginning.
func (d Detector) Start() [][]byte {
	if d.Version == 2 {
		m := map[string]any{
			"type": "start", "series_id": d.Series, "series_unique_id": d.name(), "number_of_images": d.Images,
			"image_dtype": "uint16", "image_size_x": d.Width, "image_size_y": d.Height, "incident_energy": d.Energy,
			"detector_translation": []float64{0, 0, -d.Distance}, "pixel_size_x": d.Pixel, "pixel_size_y": d.Pixel,
			"saturation_value": 60000,
		}
		if d.Mask != nil {
			raw := binaryOf(d.Mask)
			m["pixel_mask"] = map[string]any{"threshold_1": d.array(70, 4, raw)}
		}
		return [][]byte{mustCBOR(cbor.Tag{Number: 55799, Content: m})}
	}
	parts := [][]byte{
		mustJSON(map[string]any{"htype": "dheader-1.0", "series": d.Series, "header_detail": "all"}),
		mustJSON(map[string]any{
			"nimages": d.Images, "ntrigger": 1, "trigger_mode": "ints", "photon_energy": d.Energy,
			"detector_distance": d.Distance, "x_pixel_size": d.Pixel, "y_pixel_size": d.Pixel,
			"bit_depth_image": 16, "countrate_correction_count_cutoff": 59999,
			"x_pixels_in_detector": d.Width, "y_pixels_in_detector": d.Height,
		}),
	}
	if d.Mask != nil {
		parts = append(parts, mustJSON(map[string]any{
			"htype": "dpixelmask-1.0", "shape": []int{d.Width, d.Height}, "type": "uint32",
		}), binaryOf(d.Mask))
	}
	return parts
}

// Image is the message of one image of counts (Height, Width).
func (d Detector) Image(id int64, counts []uint16) [][]byte {
	raw := binaryOf(counts)
	if d.Version == 2 {
		return [][]byte{mustCBOR(map[string]any{
			"type": "image", "series_id": d.Series, "series_unique_id": d.name(), "image_id": id,
			"data":       map[string]any{"threshold_1": d.array(69, 2, raw)},
			"start_time": []int64{0, 50000000},
		})}
	}
	encoding := map[string]string{"": "<", "lz4": "lz4<", "bslz4": "bs16-lz4<"}[d.Packing]
	switch d.Packing {
	case "lz4":
		raw = block(raw)
	case "bslz4":
		raw = Shuffle(raw, 2, 4096/2)
	}
	return [][]byte{
		mustJSON(map[string]any{"htype": "dimage-1.0", "series": d.Series, "frame": id, "hash": "none"}),
		mustJSON(map[string]any{
			"htype": "dimage_d-1.0", "shape": []int{d.Width, d.Height}, "type": "uint16", "encoding": encoding,
			"size": len(raw),
		}), raw,
		mustJSON(map[string]any{"htype": "dconfig-1.0", "start_time": 0, "stop_time": 1, "real_time": 1}),
	}
}

// End is the message at the end.
func (d Detector) End() [][]byte {
	if d.Version == 2 {
		return [][]byte{mustCBOR(map[string]any{
			"type": "end", "series_id": d.Series, "series_unique_id": d.name(),
		})}
	}
	return [][]byte{mustJSON(map[string]any{"htype": "dseries_end-1.0", "series": d.Series})}
}

func (d Detector) name() string { return fmt.Sprintf("series %d", d.Series) }

// array is an array of version 2 with the tag of its elements.
func (d Detector) array(tag uint64, element int, raw []byte) cbor.Tag {
	var content any = raw
	switch d.Packing {
	case "lz4":
		head := binary.BigEndian.AppendUint32(header(len(raw)), uint32(len(raw)))
		one := block(raw)
		head = binary.BigEndian.AppendUint32(head, uint32(len(one)))
		content = cbor.Tag{Number: 56500, Content: []any{"lz4", element, append(head, one...)}}
	case "bslz4":
		content = cbor.Tag{Number: 56500, Content: []any{"bslz4", element, Shuffle(raw, element, 4096/element)}}
	}
	return cbor.Tag{Number: 40, Content: []any{[]int{d.Height, d.Width}, cbor.Tag{Number: tag, Content: content}}}
}

func header(size int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(size)) }

// block packs by LZ4.
func block(raw []byte) []byte {
	out := make([]byte, lz4.CompressBlockBound(len(raw)))
	n, err := lz4.CompressBlock(raw, out, nil)
	if err != nil {
		panic(err) // never with that much room
	}
	return out[:n]
}

// Shuffle packs by bitshuffle and LZ4 bit by bit, as the format is defined. block is in elements, a multiple of 8.
func Shuffle(raw []byte, element, blockElements int) []byte {
	out := binary.BigEndian.AppendUint32(header(len(raw)), uint32(blockElements*element))
	for n := len(raw) / element; n >= 8; n = len(raw) / element {
		count := min(blockElements, n/8*8)
		shuffled := make([]byte, count*element)
		for e := range count {
			for b := range element {
				for k := range 8 {
					shuffled[(8*b+k)*count/8+e/8] |= raw[e*element+b] >> k & 1 << (e % 8)
				}
			}
		}
		one := block(shuffled)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(one))), one...)
		raw = raw[count*element:]
	}
	return append(out, raw...)
}

func binaryOf[T uint16 | uint32](values []T) []byte {
	raw, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err) // never for whole numbers
	}
	return raw
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

func mustCBOR(v any) []byte {
	raw, err := cbor.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

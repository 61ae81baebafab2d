package source

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// dectris is the master file of a DECTRIS detector, as its FileWriter 1 or 2 writes it: counts, and what the detector
// knows of itself and of the beam. FileWriter 1 links to its data files. FileWriter 2 has a virtual dataset with an
// axis of channels, one for each threshold. Positions come from another file.
var dectris = layout{
	name: "DECTRIS master",
	recognise: func(r *reader) bool {
		return len(r.dectrisLinks()) > 0 || r.has(dectrisData+"data") && r.has(dectrisChannels, dectrisSpecific)
	},
	read: func(r *reader) {
		r.Facts.Kind = Counts
		channel := r.dectrisPatterns()
		r.dectrisOptics()
		r.dectrisPixels(channel)
	},
}

const (
	dectrisData     = "entry/data/"
	dectrisChannels = "entry/data/channel"
	dectrisDetector = "entry/instrument/detector/"
	dectrisSpecific = dectrisDetector + "detectorSpecific/"
)

var dectrisLink = regexp.MustCompile(`^data_(\d{2,9})$`)

// dectrisLinks are the names of the links to data files, in the order of their numbers.
func (r *reader) dectrisLinks() (names []string) {
	if r.isNPZ() || !r.has(dectrisData) {
		return nil
	}
	all, _ := r.inside(dectrisData)
	for _, name := range all {
		if dectrisLink.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(dectrisNumber(a), dectrisNumber(b)) })
	return names
}

// dectrisNumber is the number of a data file.
func dectrisNumber(link string) int {
	n, _ := strconv.Atoi(dectrisLink.FindStringSubmatch(link)[1])
	return n
}

// dectrisPatterns takes the patterns, and returns the name of their channel, if there are several.
func (r *reader) dectrisPatterns() (channel string) {
	if links := r.dectrisLinks(); len(links) > 0 {
		r.dectrisJoin(links)
		return ""
	}
	place, a := r.find(dectrisData + "data")
	d, is := a.(dataset)
	if r.err != nil || !is {
		return ""
	}
	switch len(d.Shape) {
	case 3:
		r.takePatterns(place, d, 2, d.Rows)
		return ""
	case 4:
		return r.dectrisChannel(place, d)
	}
	r.fail(place, "shape "+npz.Header{Shape: d.Shape}.ShapeText(), "(M, H, W), or (M, channels, H, W)", "")
	return ""
}

// dectrisChannel takes one channel of patterns (M, channels, H, W): the first threshold, else the first channel.
func (r *reader) dectrisChannel(place string, d dataset) (channel string) {
	names := r.texts(dectrisChannels)
	number := max(0, slices.Index(names, "threshold_1"))
	if number < len(names) {
		channel = names[number]
	}
	if number >= d.Shape[1] {
		r.fail(place, "shape "+npz.Header{Shape: d.Shape}.ShapeText(),
			"a channel for each name in "+dectrisChannels, "")
		return ""
	}
	frame := d.Shape[2:]
	r.takePatterns(place, d, 3, func(dst []float32, first, count int) error {
		return d.Slab(dst, []int{first, number, 0, 0}, []int{count, 1, frame[0], frame[1]})
	})
	if d.Shape[1] > 1 {
		r.remark(fmt.Sprintf("the patterns are those of channel %s, of %d", cmp.Or(channel, "1"), d.Shape[1]))
	}
	return channel
}

// takePatterns gives frames of a dataset the name of the patterns. A frame has the last axes, cell of them.
func (r *reader) takePatterns(place string, d dataset, cell int, read readRows) {
	h, err := d.Header()
	r.keep(err)
	n := len(d.Shape)
	s := sliced{file: d.file, place: place, dtype: h.Dtype, shape: []int{d.Shape[0], d.Shape[n-2], d.Shape[n-1]},
		stored: d.Shape, rows: read, direct: d.ChunkRows() <= slowChunk,
		lost: lostOf(d, cell)}
	r.members[Patterns] = member{place: place, array: s}
}

// dectrisFile is a data file of FileWriter 1.
type dectrisFile struct {
	link  string
	part  *hdf5.Part // nil: lost
	first int        // number of its first frame, from 1; 0: not stated
}

// dectrisJoin joins the data files. A lost one is as long as the others.
func (r *reader) dectrisJoin(links []string) {
	file := r.file.(hdf5File)
	files := make([]dectrisFile, len(links))
	long, last := 0, -1 // frames of a file, and the last one that exists
	for i, link := range links {
		f := dectrisFile{link: dectrisData + link}
		var err error
		if f.part, err = file.Part(f.link); err != nil {
			r.keep(err)
			return
		}
		if f.part != nil {
			if len(f.part.Shape) != 3 {
				r.fail(f.link, fmt.Sprintf("shape %v", f.part.Shape), "(M, H, W)", "")
				return
			}
			var first float64
			if r.attribute(&first, f.link, "image_nr_low"); first >= 1 && first <= math.MaxInt32 {
				f.first = int(first)
			}
			long, last = max(long, f.part.Shape[0]), i
		}
		files[i] = f
	}
	if last < 0 {
		r.fail(dectrisData+links[0], fmt.Sprintf("%d links to data files that do not exist", len(links)),
			"one file at least", "copy the data files to where the links point")
		return
	}
	pieces, frames := dectrisPieces(files, long)
	if asked := r.dectrisCount(); asked > 0 {
		frames = endAt(pieces, asked)
	}
	d, err := file.Join(dectrisData+"data_*", frames, pieces)
	r.keep(err)
	if err == nil {
		r.takePatterns(dectrisData+links[0], dataset{d, r.Path()}, 2, d.Rows)
	}
}

// dectrisPieces places the files one after the other. If the files state the number of their first frame, a lost file
// has the frames between its neighbours; otherwise as many as the longest.
func dectrisPieces(files []dectrisFile, long int) (pieces []hdf5.Piece, frames int) {
	offset := 0 // number of the first frame of all
	for i, f := range files {
		if f.first > 0 {
			offset = max(1, f.first-i*long)
			break
		}
	}
	end := 0 // of the last file that exists
	for _, f := range files {
		p := hdf5.Piece{Part: f.part, First: frames, Count: long, File: f.link}
		if f.part != nil {
			if f.first > 0 && f.first-offset >= end { // else the files count anew
				p.First = f.first - offset
			}
			p.Count = f.part.Shape[0]
			end = p.First + p.Count
		}
		pieces, frames = append(pieces, p), p.First+p.Count
	}
	next := frames
	for i := range slices.Backward(pieces) {
		if p := &pieces[i]; p.Part == nil {
			p.First = min(p.First, next)
			p.Count = next - p.First
		}
		next = pieces[i].First
	}
	return pieces, frames
}

// endAt lets lost pieces at the end hold the rest of the frames that the detector was asked for, and returns the number
// of all frames: a master has links for more files than are written.
func endAt(pieces []hdf5.Piece, asked int) (frames int) {
	lost := len(pieces) // the first of the lost pieces at the end
	for lost > 0 && pieces[lost-1].Part == nil {
		lost--
	}
	if lost > 0 {
		frames = pieces[lost-1].First + pieces[lost-1].Count
	}
	asked = max(asked, frames)
	for i := range pieces[lost:] {
		p := &pieces[lost+i]
		if p.First = frames; i == len(pieces)-1-lost {
			p.Count = asked
		}
		p.Count = min(p.Count, asked-frames)
		frames += p.Count
	}
	return frames
}

// dectrisCount is the number of frames that the detector was asked for; 0 if the master does not state it.
func (r *reader) dectrisCount() int {
	images, triggers := 0.0, 1.0
	r.number(&images, dectrisSpecific+"nimages")
	r.number(&triggers, dectrisSpecific+"ntrigger")
	const most = 1 << 40
	if n := images * max(1, triggers); n >= 1 && n <= most {
		return int(n)
	}
	return 0
}

// dectrisOptics reads the energy, and the distance and the pixels of the detector.
func (r *reader) dectrisOptics() {
	f := &r.Facts
	r.quantity(&f.EnergyEV, energies, 1, dectrisSpecific+"photon_energy", "entry/instrument/beam/incident_energy")
	if f.EnergyEV == 0 {
		var wavelength float64
		const angstrom = 1e-10
		r.quantity(&wavelength, lengths, angstrom, "entry/instrument/beam/incident_wavelength",
			"entry/instrument/beam/wavelength", "entry/instrument/monochromator/wavelength",
			"entry/sample/beam/incident_wavelength")
		if wavelength > 0 {
			f.EnergyEV = planckC / wavelength
		}
	}
	r.quantity(&f.DistanceM, lengths, 1, dectrisDetector+"distance", dectrisDetector+"detector_distance")
	r.quantity(&f.DetectorPixelX, lengths, 1, dectrisDetector+"x_pixel_size")
	r.quantity(&f.DetectorPixelY, lengths, 1, dectrisDetector+"y_pixel_size")
	var beam Point
	x, y := r.number(&beam.X, dectrisDetector+"beam_center_x"), r.number(&beam.Y, dectrisDetector+"beam_center_y")
	if x && y && beam.X > 0 && beam.Y > 0 {
		f.Beam = &beam
	}
}

// dectrisPixels reads the mask, of a channel if it has its own, and the count from which a pixel is invalid.
func (r *reader) dectrisPixels(channel string) {
	own := dectrisDetector + channel + "_channel/"
	place, bits, shape := r.values(own+"pixel_mask", dectrisSpecific+"pixel_mask", dectrisDetector+"pixel_mask")
	if place != "" && len(shape) != 2 {
		r.fail(place, "shape "+npz.Header{Shape: shape}.ShapeText(), "(H, W)", "")
		return
	}
	if place != "" {
		r.mask(shape, func(i int) bool { return bits[i] != 0 })
	}
	lower := func(count float64) { // a lower limit
		if c := &r.Facts.Ceiling; count > 1 && (*c == 0 || count < *c) {
			*c = count
		}
	}
	var depth, cutoff, saturation float64
	r.number(&depth, dectrisDetector+"bit_depth_image")
	r.number(&cutoff, dectrisSpecific+"countrate_correction_count_cutoff")
	r.number(&saturation, r.first(own+"saturation_value", dectrisSpecific+"saturation_value",
		dectrisDetector+"saturation_value"))
	if depth > 0 && depth <= 64 {
		lower(math.Exp2(depth) - 1) // marks pixels of the mask
	}
	lower(cutoff + 1) // cutoff is the largest count that can be corrected
	lower(saturation)
}

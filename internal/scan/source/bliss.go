package source

import (
	"regexp"
	"slices"
	"strings"
)

// bliss is a file of BLISS, the control system of the ESRF: scans 1.1, 2.1 and so on, each with counters, detectors and
// motors in its group measurement. The command in the scan's title names the motors, the fast one first, which is
// horizontal. They move the sample.
var bliss = layout{
	name: "BLISS",
	recognise: func(r *reader) bool {
		names, is := r.insideOf("/")
		return is && slices.ContainsFunc(names, func(name string) bool {
			return blissScan.MatchString(name) && r.has(name+"/measurement")
		})
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind, f.SampleMotion = Counts, true
		scan, detector := r.blissScan()
		if scan == "" {
			return
		}
		r.stackAt(scan + "/measurement/" + detector)
		if r.options.X == "" && r.options.Points == "" {
			r.blissMotors(scan)
		}
		r.quantity(&f.EnergyEV, energies, 1e3, blissPlaces(scan, "energy", "nrj", "mononrj", "Energy")...)
		instrument := scan + "/instrument/" + detector + "/"
		r.quantity(&f.DistanceM, lengths, 1, instrument+"distance")
		r.quantity(&f.DetectorPixelX, lengths, 1, instrument+"x_pixel_size")
		r.quantity(&f.DetectorPixelY, lengths, 1, instrument+"y_pixel_size")
	},
}

// blissScan is the name of a scan's group.
var blissScan = regexp.MustCompile(`^\d+\.\d+$`)

// blissPlaces are the places of positioners of a scan.
func blissPlaces(scan string, names ...string) (places []string) {
	for _, name := range names {
		places = append(places, scan+"/instrument/positioners/"+name, scan+"/measurement/"+name)
	}
	return places
}

// blissScan finds the scan with patterns and their name. Of several, the user names one by --patterns.
func (r *reader) blissScan() (scan, detector string) {
	if parts := strings.Split(strings.Trim(r.options.Patterns, "/"), "/"); blissScan.MatchString(parts[0]) {
		return parts[0], parts[len(parts)-1]
	}
	scans, _ := r.insideOf("/")
	var found []string
	for _, name := range scans {
		counters, is := r.insideOf(name + "/measurement")
		if !blissScan.MatchString(name) || !is {
			continue
		}
		for _, counter := range counters {
			if r.isStack(name + "/measurement/" + counter) {
				found = append(found, name+"/measurement/"+counter)
				scan, detector = name, counter
			}
		}
	}
	switch len(found) {
	case 1:
		return scan, detector
	case 0:
		r.fail("", "no scan with patterns", "one with an array of three axes in its group measurement", "")
	default:
		r.fail("", "patterns at "+listed(found), "one scan", "name one by --patterns")
	}
	return "", ""
}

// isStack reports whether an array of real numbers with three axes is at a place. What cannot be read is none.
func (r *reader) isStack(place string) bool {
	if r.err != nil {
		return false
	}
	if _, group, err := r.file.inside(place); err != nil || group {
		return false
	}
	a, err := r.file.open(place)
	if err != nil {
		return false
	}
	h, err := a.Header()
	return err == nil && h.Real() && len(h.Shape) == 3
}

// blissMotors reads the positions of the two motors that the scan's title names.
func (r *reader) blissMotors(scan string) {
	_, a := r.find(scan + "/title")
	if a == nil {
		return
	}
	title, err := a.Text()
	if err != nil {
		return // no text
	}
	var motors []string
	for _, word := range strings.FieldsFunc(title, func(c rune) bool { return strings.ContainsRune(" ,()[]'\"", c) }) {
		place := r.first(scan+"/measurement/"+word+"_position", scan+"/measurement/"+word)
		if place != "" && !slices.Contains(motors, place) && r.isList(place) {
			motors = append(motors, place)
		}
	}
	if len(motors) == 2 {
		r.axes(motors[0], motors[1], 1e-3)
	}
}

// isList reports whether an array of real numbers with one axis is at a place.
func (r *reader) isList(place string) bool {
	if _, group, err := r.file.inside(place); err != nil || group {
		return false
	}
	a, err := r.file.open(place)
	if err != nil {
		return false
	}
	h, err := a.Header()
	return err == nil && h.Real() && len(h.Shape) == 1
}

package source

import (
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
)

// layout is one program's way of storing a scan.
type layout struct {
	name string
	// signs are paths that give the layout away.
	signs []string
	// recognise decides whether a file is of this layout; nil: one of the signs is enough.
	recognise func(r *reader) bool
	// read fills the members and Facts of the reader's Source.
	read func(r *reader)
}

// layouts are all that are known, in the order in which a file is compared with them. Each row is a file of this
// folder.
func layouts() []layout {
	return []layout{
		velociprobe,
		textColumns,
		ptychodusProduct,
		ptyxReconstruction,
		npyArray,
		slac,
		ptyLab,
		matlab,
		emd,
		ptychoPINN,
		foldSlice,
		ptypyData,
		ptypyReconstruction,
		nxcxiPtycho,
		cxi,
		nanoMAX,
		cSAXS,
		bliss,
		lima,
		arina,
		dectris,
		nsls2,
		ptychodusPatterns,
		nexus,
		dataExchange,
		empadScan,
		tiffStack,
	}
}

// identify finds the layout of an open file and reads what it states, and the arrays at the places that are given. It
// closes the file if there is an error.
func identify(file container, o Options) (*Source, error) {
	r := &reader{Source: &Source{file: file, members: map[string]member{}}, options: o}
	all := layouts()
	i := slices.IndexFunc(all, func(l layout) bool {
		if l.recognise == nil {
			return r.has(l.signs...)
		}
		return l.recognise(r)
	})
	switch {
	case r.err != nil:
	case i < 0 && o.Places == (Places{}) && !o.Positions:
		r.err = unknown(file)
	case i < 0:
		r.Facts.Layout = "named arrays"
		r.take(Probe, "probe", Probe)
	default:
		r.Facts.Layout = all[i].name
		all[i].read(r)
	}
	r.place()
	r.findLost()
	r.average()
	if r.err != nil {
		_ = file.Close() // the error of reading says more
		return nil, r.err
	}
	return r.Source, nil
}

// unknown is the error for a file of no layout.
func unknown(file container) error {
	names, err := file.Names()
	if err != nil {
		return err
	}
	var known []string
	for _, l := range layouts() {
		if l.name != textColumns.name && l.name != velociprobe.name {
			known = append(known, l.name)
		}
	}
	return &badinput.Error{
		File: file.Path(), Found: "an HDF5 file with " + listed(names),
		Expected: "a file as one of these has it: " + strings.Join(known, ", "),
		Remedy:   "ptyx inspect " + file.Path() + " finds its arrays and the flags that read them",
	}
}

// listed are names for a message.
func listed(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "nothing in it"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

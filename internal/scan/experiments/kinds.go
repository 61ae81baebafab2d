package experiments

import "slices"

// Kinds are names of kinds of objects and probes.
type Kinds struct{ Objects, Probes []string }

// All are the kinds of both tables.
func All() Kinds {
	var all Kinds
	for _, k := range objects {
		all.Objects = append(all.Objects, k.name)
	}
	for _, k := range probes {
		all.Probes = append(all.Probes, k.name)
	}
	return all
}

// HeldOut are the kinds that a training leaves out to measure its error on families that it has never seen.
func HeldOut() Kinds {
	out := Kinds{}
	for _, k := range objects {
		if k.heldOut {
			out.Objects = append(out.Objects, k.name)
		}
	}
	for _, k := range probes {
		if k.heldOut {
			out.Probes = append(out.Probes, k.name)
		}
	}
	return out
}

// Without are the kinds that other does not name.
func (k Kinds) Without(other Kinds) Kinds {
	return Kinds{
		Objects: slices.DeleteFunc(slices.Clone(k.Objects), other.hasObject),
		Probes:  slices.DeleteFunc(slices.Clone(k.Probes), other.hasProbe),
	}
}

func (k Kinds) hasObject(name string) bool { return slices.Contains(k.Objects, name) }

func (k Kinds) hasProbe(name string) bool { return slices.Contains(k.Probes, name) }

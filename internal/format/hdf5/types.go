package hdf5

import (
	"fmt"
	"unsafe"
)

// Class is the kind of the elements of a dataset or attribute.
type Class int

// The classes that this package reads, and Other.
const (
	Other    Class = iota
	Integer        // integers, and the enumeration that h5py writes for bool
	Float          // of 2, 4 or 8 bytes
	Complex        // a compound of two floats, (r, i) or (real, imag), or the complex class of HDF5 2.0
	String         // of fixed or variable length
	Compound       // any other structure
)

// Type describes elements.
type Type struct {
	Class  Class
	Size   int // bytes of one element
	Signed bool
	Big    bool // big-endian

	real, imag string // names of a complex compound's members; empty for the class of HDF5 2.0
	variable   bool   // a string of variable length
	name       string // in errors, of other classes
}

// Numpy is the type as numpy writes it, such as "<f4"; "|V" for any type that numpy has no simple type for.
func (t Type) Numpy() string {
	order := "<"
	if t.Big {
		order = ">"
	}
	if t.Size == 1 {
		order = "|"
	}
	switch t.Class {
	case Integer:
		if t.Signed {
			return fmt.Sprintf("%si%d", order, t.Size)
		}
		return fmt.Sprintf("%su%d", order, t.Size)
	case Float:
		return fmt.Sprintf("%sf%d", order, t.Size)
	case Complex:
		return fmt.Sprintf("%sc%d", order, t.Size)
	case String:
		return fmt.Sprintf("|S%d", t.Size)
	}
	return "|V"
}

// String names the elements in an error.
func (t Type) String() string {
	switch t.Class {
	case Integer, Float:
		return "values of type " + t.Numpy()[1:]
	case Complex:
		return "complex values"
	case String:
		return "text"
	case Compound:
		return "structures with members " + t.name
	}
	return t.name
}

// Classes of the library.
const (
	classInteger  = 0
	classFloat    = 1
	classString   = 3
	classCompound = 6
	classEnum     = 8
	classComplex  = 11
)

// otherClasses are the names of the classes that this package does not read.
var otherClasses = map[int32]string{2: "times", 4: "bit fields", 5: "opaque bytes", 7: "references",
	9: "lists of variable length", 10: "arrays"}

// describe reads a type of the library.
func (a *api) describe(kind id) Type {
	const bigEndian = 1
	t := Type{Size: int(a.h5Tget_size(kind))}
	switch class := a.h5Tget_class(kind); class {
	case classInteger:
		t.Class, t.Signed, t.Big = Integer, a.h5Tget_sign(kind) != 0, a.h5Tget_order(kind) == bigEndian
	case classEnum:
		t.Class, t.Signed = Integer, true
	case classFloat:
		t.Class, t.Big = Float, a.h5Tget_order(kind) == bigEndian
	case classString:
		t.Class, t.variable = String, a.h5Tis_variable_str(kind) > 0
	case classComplex:
		t.Class = Complex
	case classCompound:
		t.Class = Compound
		a.describeCompound(kind, &t)
	default:
		t.name = "values of an unknown type"
		if name := otherClasses[class]; name != "" {
			t.name = name
		}
	}
	return t
}

// describeCompound distinguishes complex numbers from other structures.
func (a *api) describeCompound(kind id, t *Type) {
	var names []string
	floats := true
	for member := range uint32(max(0, a.h5Tget_nmembers(kind))) {
		name := a.h5Tget_member_name(kind, member)
		names = append(names, text(name))
		a.h5free_memory(name)
		of := a.h5Tget_member_type(kind, member)
		floats = floats && a.h5Tget_class(of) == classFloat
		a.h5Tclose(of)
	}
	t.name = fmt.Sprint(names)
	if len(names) != 2 || !floats {
		return
	}
	if n := [2]string{names[0], names[1]}; n == [2]string{"r", "i"} || n == [2]string{"real", "imag"} {
		t.Class, t.real, t.imag = Complex, n[0], n[1]
	}
}

// complexMemory makes the type of complex64 in memory, with the names of the members in the file; to be closed.
func (a *api) complexMemory(t Type) (id, error) {
	if t.real == "" {
		if a.ids.floatComplex == 0 {
			return 0, fmt.Errorf("complex numbers of HDF5 2.0, which this library is too old for")
		}
		return a.h5Tcopy(a.ids.floatComplex), nil
	}
	return a.complexCompound(t.real, t.imag, a.ids.float32)
}

// complexCompound makes the type of a structure of two floats of four bytes.
func (a *api) complexCompound(real, imag string, part id) (id, error) {
	kind := a.h5Tcreate(classCompound, unsafe.Sizeof(complex64(0)))
	if kind < 0 || a.h5Tinsert(kind, real, 0, part) < 0 || a.h5Tinsert(kind, imag, 4, part) < 0 {
		return 0, fmt.Errorf("making the type of complex numbers: %w", a.cause())
	}
	return kind, nil
}

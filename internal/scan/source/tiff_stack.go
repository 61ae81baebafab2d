package source

// tiffFormat is the name of the format of TIFF files.
const tiffFormat = "TIFF stack"

// tiffStack is a TIFF file with a pattern on each page. It states neither positions nor optics.
var tiffStack = layout{
	name:      tiffFormat,
	recognise: func(r *reader) bool { return r.of(tiffFormat) },
	read:      func(r *reader) { r.takeStack() },
}

package runtime

const libraryName = "libonnxruntime"

// systemNames are asked of the dynamic loader.
var systemNames = []string{"libonnxruntime.dylib"}

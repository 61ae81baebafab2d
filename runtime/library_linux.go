package runtime

const libraryName = "libonnxruntime.so"

// systemNames are asked of the dynamic loader.
var systemNames = []string{"libonnxruntime.so.1", "libonnxruntime.so"}

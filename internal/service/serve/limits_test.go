package serve

import (
	"net/http"
	"strings"
	"testing"
)

// Bodies that are nested without end, or that claim more than they hold, are refused for what they are, and the server
// goes on.
func TestAbsurdBodies(t *testing.T) {
	s := started(t, scanServer(&fake{channels: 1}))
	frames := createScan(t, s, "") + "/frames"
	deep := strings.Repeat("[", 200_000)
	for name, tc := range map[string]struct{ path, kind, body string }{
		"nested inference": {"/v2/models/net/infer", "application/json",
			`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,8,8],"data":` + deep},
		"nested and closed": {"/v2/models/net/infer", "application/json",
			`{"inputs":` + deep + strings.Repeat("]", 200_000) + `}`},
		"nested objects": {"/v2/models/net/infer", "application/json", strings.Repeat(`{"inputs":`, 100_000)},
		"nested frames": {frames, "application/json",
			`{"ids":[1],"xcoords":[1],"ycoords":[1],"diff3d":` + deep + strings.Repeat("]", 200_000) + `}`},
		"a shape without": {"/v2/models/net/infer", "application/json",
			`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[9223372036854775807,1,8,8],` +
				`"data":[1]}]}`},
		"shape that wraps": {"/v2/models/net/infer", "application/json",
			`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[288230376151711744,1,8,8],` +
				`"data":[]}]}`},
		"ids beyond numbers": {frames, "application/json",
			`{"ids":[9223372036854775808],"xcoords":[1],"ycoords":[1],"diff3d":[1]}`},
		"a nested scan": {"/v1/scans", "application/json", deep},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(s, "POST", tc.path, []byte(tc.body), "Content-Type", tc.kind)
			if text := complaint(t, w); w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge ||
				len(text) > 1000 {
				t.Errorf("%d %.2000q", w.Code, text)
			}
		})
	}
	if w := ask(s, "POST", "/v2/models/net/infer", jsonRequest(t, 1, nil)); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

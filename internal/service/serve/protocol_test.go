package serve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const inferPath = "/v2/models/net/infer"

func TestMetadataAndHealth(t *testing.T) {
	s := started(t, options(&fake{channels: 1}))
	tensor := func(name string) string { return fmt.Sprintf(`{"name":%q,"datatype":"FP32","shape":[-1,1,8,8]}`, name) }
	model := fmt.Sprintf(`{"name":"net","versions":["1"],`+
		`"platform":"onnxruntime_onnx","inputs":[%s],"outputs":[%s,%s]}`,
		tensor("amplitude_measured"), tensor("amplitude"), tensor("phase"))
	for path, want := range map[string]string{
		"/v2/health/live":                 `{"live":true}`,
		"/v2/health/ready":                `{"ready":true}`,
		"/v2":                             `{"extensions":["binary_tensor_data"],"name":"ptyx","version":"0.1.0"}`,
		"/v2/models/net":                  model,
		"/v2/models/net/versions/1":       model,
		"/v2/models/net/ready":            `{"name":"net","ready":true}`,
		"/v2/models/net/versions/1/ready": `{"name":"net","ready":true}`,
		"/v1/models": `{"models":[{"name":"net","n":8,"channels":1,"digest":"digest of net","device":"fake",` +
			`"device_fallback":"no kernel"}]}`,
	} {
		w := ask(s, "GET", path, nil)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, want)
		}
		if w.Header().Get("Content-Type") != "application/json" ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
	}
}

// TestHostileNames: names of models are only looked up.
func TestHostileNames(t *testing.T) {
	s := started(t, options(&fake{channels: 1}))
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v2/models/other", 404},
		{"GET", "/v2/models/..%2f..%2fetc%2fpasswd", 404},
		{"GET", "/v2/models/%00", 404},
		{"GET", "/v2/models/net/versions/2", 404},
		{"GET", "/v2/models/net/versions/1/ready/more", 404},
		{"GET", "/v2/models/NET/ready", 404},
		{"POST", "/v2/models/other/infer", 404},
		{"POST", "/v2/models/" + strings.Repeat("a", 5000) + "/infer", 404},
		{"GET", "/v2/nothing", 404},
		{"GET", "/v3", 404},
		{"GET", inferPath, 405},
		{"DELETE", "/v2", 405},
		{"POST", "/v2/health/live", 405},
	} {
		w := ask(s, c.method, c.path, nil)
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if text := complaint(t, w); len(text) > 300 {
			t.Errorf("%s %s: a complaint of %d bytes", c.method, c.path, len(text))
		}
		if c.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
	}
}

// answer reads a response of the protocol: shapes are checked, and the values of each output are returned by its name.
func answer(t *testing.T, header http.Header, body []byte, samples int) map[string][]float32 {
	t.Helper()
	raw := []byte(nil)
	if n := header.Get(headerLength); n != "" {
		length, err := strconv.Atoi(n)
		if err != nil || length > len(body) {
			t.Fatalf("%s %q for %d bytes", headerLength, n, len(body))
		}
		body, raw = body[:length], body[length:]
	}
	var response struct {
		ModelName    string `json:"model_name"`
		ModelVersion string `json:"model_version"`
		ID           string `json:"id"`
		Outputs      []struct {
			Name, Datatype string
			Shape          []int
			Data           []float32
			Parameters     struct {
				Size int `json:"binary_data_size"`
			}
		}
	}
	if err := json.Unmarshal(body, &response); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if response.ModelName != "net" || response.ModelVersion != "1" || response.ID != "7" {
		t.Errorf("model %q, version %q, id %q", response.ModelName, response.ModelVersion, response.ID)
	}
	values := map[string][]float32{}
	for _, o := range response.Outputs {
		if o.Datatype != "FP32" || !slices.Equal(o.Shape, []int{samples, 1, size, size}) {
			t.Errorf("%s: %s of shape %v", o.Name, o.Datatype, o.Shape)
		}
		data := o.Data
		for n := o.Parameters.Size; n > 0; n -= 4 {
			data = append(data, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			raw = raw[4:]
		}
		if len(data) != samples*size*size {
			t.Errorf("%s: %d values", o.Name, len(data))
		}
		values[o.Name] = data
	}
	if len(raw) > 0 {
		t.Errorf("%d bytes too many", len(raw))
	}
	return values
}

// check compares with what the fake makes of ramp(samples).
func check(t *testing.T, values map[string][]float32, samples int, names ...string) {
	t.Helper()
	if len(values) != len(names) {
		t.Errorf("%d outputs, want %v", len(values), names)
	}
	for _, name := range names {
		for i, d := range ramp(samples) {
			want := map[string]float32{"amplitude": d / 2, "phase": d - 1}[name]
			if i >= len(values[name]) || values[name][i] != want {
				t.Fatalf("%s: element %d is not %v", name, i, want)
			}
		}
	}
}

// raw are values as the protocol sends them, in the given type.
func raw(datatype string, values []float32) (b []byte) {
	for _, v := range values {
		switch datatype {
		case "FP32":
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		case "FP64":
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
		case "UINT8":
			b = append(b, byte(v))
		case "UINT16":
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		case "UINT32":
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	}
	return b
}

// binaryRequest has its data behind the JSON.
func binaryRequest(datatype string, samples int, outputs string, values []float32) (body []byte, length string) {
	data := raw(datatype, values)
	header := fmt.Sprintf(`{"id":"7","parameters":{"binary_data_output":true},"inputs":[{"name":"amplitude_measured",`+
		`"shape":[%d,1,8,8],`+
		`"datatype":%q,"parameters":{"binary_data_size":%d}}]%s}`,
		samples, datatype, len(data), outputs)
	return append([]byte(header), data...), strconv.Itoa(len(header))
}

func TestInferenceInEveryForm(t *testing.T) {
	s := started(t, options(&fake{channels: 1}))
	both := []string{"amplitude", "phase"}
	t.Run("JSON", func(t *testing.T) {
		w := ask(s, "POST", inferPath, jsonRequest(t, 3, nil))
		check(t, answer(t, w.Header(), w.Body.Bytes(), 3), 3, both...)
	})
	t.Run("JSON nested", func(t *testing.T) {
		rows := []any{}
		for r := range 2 * size {
			rows = append(rows, ramp(2)[r*size:(r+1)*size])
		}
		data, _ := json.Marshal([]any{[]any{rows[:size]}, []any{rows[size:]}})
		body := fmt.Sprintf(`{"inputs":[{"data":%s,"name":"amplitude_measured","shape":[2,1,8,8],"datatype":"FP32"}],`+
			`"id":"7","unknown":[1]}`, data)
		w := ask(s, "POST", "/v2/models/net/versions/1/infer", []byte(body))
		check(t, answer(t, w.Header(), w.Body.Bytes(), 2), 2, both...)
	})
	t.Run("JSON in, binary out", func(t *testing.T) {
		w := ask(s, "POST", inferPath, jsonRequest(t, 1, map[string]any{"binary_data_output": true}))
		check(t, answer(t, w.Header(), w.Body.Bytes(), 1), 1, both...)
		if w.Header().Get("Content-Type") != "application/octet-stream" {
			t.Errorf("headers %v", w.Header())
		}
	})
	for _, kind := range []string{"FP32", "FP64"} {
		t.Run("binary "+kind, func(t *testing.T) {
			body, length := binaryRequest(kind, 5, "", ramp(5))
			w := ask(s, "POST", inferPath, body, headerLength, length)
			check(t, answer(t, w.Header(), w.Body.Bytes(), 5), 5, both...)
		})
	}
	for _, kind := range []string{"UINT8", "UINT16", "UINT32"} {
		t.Run("binary "+kind, func(t *testing.T) {
			values := ramp(1)
			for i := range values {
				values[i] = float32(i * 3)
			}
			body, length := binaryRequest(kind, 1, "", values)
			w := ask(s, "POST", inferPath, body, headerLength, length)
			for i, v := range answer(t, w.Header(), w.Body.Bytes(), 1)["amplitude"] {
				if v != values[i]/2 {
					t.Fatalf("element %d is %v, want %v", i, v, values[i]/2)
				}
			}
		})
	}
	t.Run("outputs by name", func(t *testing.T) {
		body, length := binaryRequest("FP32", 2,
			`,"outputs":[{"name":"phase"},{"name":"amplitude","parameters":{"binary_data":false}}]`, ramp(2))
		w := ask(s, "POST", inferPath, body, headerLength, length)
		check(t, answer(t, w.Header(), w.Body.Bytes(), 2), 2, both...)
		if at, phase := strings.Index(w.Body.String(), `"amplitude"`),
			strings.Index(w.Body.String(), `"phase"`); at < phase {
			t.Error("outputs in another order than asked for")
		}
		body, length = binaryRequest("FP32", 2, `,"outputs":[{"name":"phase"}]`, ramp(2))
		w = ask(s, "POST", inferPath, body, headerLength, length)
		check(t, answer(t, w.Header(), w.Body.Bytes(), 2), 2, "phase")
	})
}

// TestRefusals: an invalid request gets a status and a sentence, and nothing is computed.
func TestRefusals(t *testing.T) {
	f := &fake{channels: 1}
	s := started(t, options(f))
	one := string(raw("FP32", ramp(1)))
	input := func(rest string) string {
		return `{"inputs":[{"name":"amplitude_measured","datatype":"FP32",` + rest + `}]}`
	}
	values := func(text string, n int) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	for name, c := range map[string]struct {
		body   string
		length string // of the JSON; "JSON": to its end
		status int
		says   string
	}{
		"nothing":       {"", "", 400, "unexpected end of JSON"},
		"no JSON":       {"hello", "", 400, "invalid character"},
		"two values":    {`{"inputs":[]}{}`, "", 400, "after top-level value"},
		"a list":        {`[]`, "", 400, "cannot unmarshal"},
		"deep":          {strings.Repeat("[", 20000), "", 400, "depth"},
		"no input":      {`{"inputs":[]}`, "", 400, "amplitude_measured"},
		"another input": {`{"inputs":[{"name":"x"}]}`, "", 400, "amplitude_measured"},
		"two inputs": {`{"inputs":[{"name":"amplitude_measured"},{"name":"amplitude_measured"}]}`, "", 400,
			"one"},
		"datatype": {`{"inputs":[{"name":"amplitude_measured","datatype":"BYTES","shape":[1,1,8,8],"data":[1]}]}`,
			"", 400, "BYTES"},
		"no datatype": {`{"inputs":[{"name":"amplitude_measured","shape":[1,1,8,8],"data":[1]}]}`, "", 400,
			"datatype"},
		"no data":           {input(`"shape":[1,1,8,8]`), "", 400, "without data"},
		"no shape":          {input(`"data":[1]`), "", 400, "shape []"},
		"rank":              {input(`"shape":[64],"data":[1]`), "", 400, "shape [64]"},
		"size":              {input(`"shape":[1,1,8,9],"data":[1]`), "", 400, "8, 8"},
		"channels":          {input(`"shape":[1,2,8,8],"data":[1]`), "", 400, "shape"},
		"no sample":         {input(`"shape":[0,1,8,8],"data":[]`), "", 400, "1 sample"},
		"negative":          {input(`"shape":[-1,1,8,8],"data":[1]`), "", 400, "1 sample"},
		"two negatives":     {input(`"shape":[-1,-1,8,8],"data":[1]`), "", 400, "shape"},
		"overflowing":       {input(`"shape":[9223372036854775807,1,8,8],"data":[1]`), "", 413, "in parts"},
		"overflowing to 64": {input(`"shape":[288230376151711745,1,8,8],"data":[1]`), "", 413, "in parts"},
		"beyond 64 bits": {input(`"shape":[92233720368547758070,1,8,8],"data":[1]`), "", 400,
			"cannot unmarshal"},
		"more than may wait": {input(`"shape":[17,1,8,8],"data":[1]`), "", 413, "16 may wait"},
		"too few values":     {input(`"shape":[1,1,8,8],"data":[` + values("1.25", 63) + `]`), "", 400, "63 values"},
		"too few bytes":      {input(`"shape":[1,1,8,8],"data":[1,2]`), "", 400, "too few"},
		"too many values":    {input(`"shape":[1,1,8,8],"data":[` + values("1", 65) + `]`), "", 400, "more values"},
		"nested otherwise":   {input(`"shape":[1,1,8,8],"data":[[` + values("1", 64) + `]]`), "", 400, "nested"},
		"nested halfway":     {input(`"shape":[1,1,8,8],"data":[1,[` + values("1", 63) + `]]`), "", 400, "nested"},
		"nested deeper": {input(`"shape":[1,1,8,8],"data":[[[[[` + values("1", 64) + `]]]]]`), "", 400,
			"nested"},
		"nested, short rows": {input(`"shape":[1,1,8,8],"data":[[[` + values("["+values("1", 4)+"]", 16) + `]]]`),
			"", 400, "a list of 4"},
		"a string":             {input(`"shape":[1,1,8,8],"data":[` + values(`"1"`, 64) + `]`), "", 400, "data"},
		"a null":               {input(`"shape":[1,1,8,8],"data":[` + values(`null`, 64) + `]`), "", 400, "data"},
		"an object":            {input(`"shape":[1,1,8,8],"data":{"a":[` + values(`1`, 64) + `]}`), "", 400, "data"},
		"a number":             {input(`"shape":[1,1,8,8],"data":` + strings.Repeat("1", 200)), "", 400, "data"},
		"too large a value":    {input(`"shape":[1,1,8,8],"data":[` + values("1e39", 64) + `]`), "", 400, "1e39"},
		"a negative amplitude": {input(`"shape":[1,1,8,8],"data":[` + values("-1", 64) + `]`), "", 400, "0 or more"},
		"NaN": {`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,8,8],` +
			`"parameters":{"binary_data_size":256}}]}` + strings.Repeat("\xff", 256), "JSON", 400, "NaN"},
		"length, no number":    {`{}`, "x", 400, headerLength},
		"length, negative":     {`{}`, "-1", 400, headerLength},
		"length beyond":        {`{}`, "3", 400, headerLength},
		"length, huge":         {`{}`, "99999999999999999999", 400, headerLength},
		"length in the middle": {`{"inputs":[]}`, "5", 400, "unexpected end of JSON"},
		"bytes for nobody": {input(`"shape":[1,1,8,8],"data":[`+values("1", 64)+`]`) + one, "JSON", 400,
			"no input uses"},
		"both": {input(`"shape":[1,1,8,8],"data":[1],"parameters":{"binary_data_size":256}`), "", 400,
			"one of them"},
		"size of another shape": {input(`"shape":[1,1,8,8],"parameters":{"binary_data_size":4}`), "", 400, "256"},
		"size, negative":        {input(`"shape":[1,1,8,8],"parameters":{"binary_data_size":-256}`), "", 400, "256"},
		"size without bytes":    {input(`"shape":[1,1,8,8],"parameters":{"binary_data_size":256}`), "", 400, "0 bytes"},
		"shared memory": {input(`"shape":[1,1,8,8],"parameters":{"shared_memory_region":"r"}`), "", 400,
			"shared memory"},
		"an output":       {`{"outputs":[{"name":"x"}]}`, "", 400, "expected one of amplitude, phase"},
		"an output twice": {`{"outputs":[{"name":"phase"},{"name":"phase"}]}`, "", 400, "twice"},
		"classification": {`{"outputs":[{"name":"phase","parameters":{"classification":2}}]}`, "", 400,
			"classification"},
		"output, shared memory": {`{"outputs":[{"name":"phase","parameters":{"shared_memory_region":"r"}}]}`, "", 400,
			"shared memory"},
		"timeout":         {`{"parameters":{"timeout":-1}}`, "", 400, "microseconds"},
		"timeout, a text": {`{"parameters":{"timeout":"1"}}`, "", 400, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if c.length == "JSON" {
				c.length = strconv.Itoa(strings.Index(c.body, "}]}") + 3)
			}
			if c.length != "" {
				headers = []string{headerLength, c.length}
			}
			w := ask(s, "POST", inferPath, []byte(c.body), headers...)
			text := complaint(t, w)
			if w.Code != c.status || !strings.Contains(text, c.says) {
				t.Errorf("%d %q, want %d with %q", w.Code, text, c.status, c.says)
			}
			if len(text) > 600 {
				t.Errorf("a complaint of %d bytes", len(text))
			}
		})
	}
	if ran := f.sizes(); len(ran) > 0 {
		t.Errorf("the network ran %v", ran)
	}
}

func TestABodyThatIsTooLarge(t *testing.T) {
	o := options(&fake{channels: 1})
	o.MaxBody = 100
	s := started(t, o)
	if w := ask(s, "POST", inferPath, make([]byte, 101)); w.Code != 413 ||
		!strings.Contains(complaint(t, w), "100 bytes") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", inferPath, make([]byte, 100)); w.Code != 400 {
		t.Errorf("as large as may be: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", inferPath, nil, "Content-Encoding", "gzip"); w.Code != 415 {
		t.Errorf("compressed: %d %s", w.Code, w.Body)
	}
}

// TestCrossSiteRequests: requests that a page of another site makes a browser send are refused.
func TestCrossSiteRequests(t *testing.T) {
	s := started(t, options(&fake{channels: 1}))
	body := jsonRequest(t, 1, nil)
	if w := ask(s, "POST", inferPath, body, "Origin", "null", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", inferPath, body, "Sec-Fetch-Site", "same-origin"); w.Code != 200 {
		t.Errorf("its own page: %d %s", w.Code, w.Body)
	}
	// A page whose name was made to mean this machine, asked for over a connection.
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	for host, want := range map[string]int{"evil.example": 403, "localhost:1": 200} {
		outside := httptest.NewRequest("GET", "/v1/models", nil) // as it comes to an address that other machines reach
		outside.Host = host
		outside = outside.WithContext(context.WithValue(outside.Context(), http.LocalAddrContextKey,
			&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}))
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, outside); w.Code != want {
			t.Errorf("%s from outside: %d %s", host, w.Code, w.Body)
		}
		r, err := http.NewRequest("GET", server.URL+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if body := bodyOf(t, answer); answer.StatusCode != want {
			t.Errorf("%s: %d %s", host, answer.StatusCode, body)
		}
	}
}

func TestValuesThatJSONCannotSay(t *testing.T) {
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		if _, err := appendJSON(nil, []float32{1, v}); err == nil || !strings.Contains(err.Error(), "element 1") {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, v := range []float32{0, 1, -1.5, 1e-45, math.MaxFloat32, 1.0 / 3} {
		b, err := appendJSON(nil, []float32{v})
		var back []float32
		if err != nil || json.Unmarshal(b, &back) != nil || len(back) != 1 || back[0] != v {
			t.Errorf("%v: %s comes back as %v (%v)", v, b, back, err)
		}
	}
}

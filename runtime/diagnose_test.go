package runtime

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestDiagnose(t *testing.T) {
	d := Diagnose("")
	if !d.Usable() || d.Library == nil {
		t.Fatalf("not usable: %+v", d.Problems)
	}
	if !slices.Contains(d.Providers, CPUProvider) {
		t.Errorf("providers %v", d.Providers)
	}
	if d.CUDA.Usable || !strings.HasPrefix(d.CUDA.Why, "missing ") {
		t.Errorf("CUDA: %+v", d.CUDA)
	}
	if d.Threads < 1 || d.Threads > d.Processor.Cores.Logical ||
		d.Processor.Cores.Physical > d.Processor.Cores.Logical {
		t.Errorf("%d threads on %+v", d.Threads, d.Processor.Cores)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Diagnosis
	if err := json.Unmarshal(text, &back); err != nil || back.Library.Version != d.Library.Version {
		t.Errorf("%s: %v", text, err)
	}
}

func TestDiagnoseUnfit(t *testing.T) {
	old := impostor(t, filepath.Join(t.TempDir(), "old.so"), "1.20.1")
	d := Diagnose(old)
	if d.Usable() || d.Library != nil || d.CUDA.Usable {
		t.Fatalf("usable: %+v", d)
	}
	found := false
	for _, p := range d.Problems {
		if p.Remedy == "" {
			t.Errorf("no remedy for %q", p.What)
		}
		found = found || strings.Contains(p.What, "1.20.1") && strings.Contains(p.What, MinimumVersion)
	}
	if !found {
		t.Errorf("the versions are not told: %+v", d.Problems)
	}
}

// A skipped library is reported.
func TestDiagnoseSkippedLibrary(t *testing.T) {
	library, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	f, _ := search(t, map[string]string{"bin/" + libraryName(): "1.20.1", "system.1": "1.30.0"})
	pretend := f.inspect
	f.inspect = func(name string) (facts, error) {
		looked, err := pretend(name)
		looked.path = library.Path
		return looked, err
	}
	var d Diagnosis
	d.checkLibrary(f)
	if !d.Usable() || len(d.Problems) != 1 || !strings.Contains(d.Problems[0].What, "1.20.1") {
		t.Errorf("%+v", d)
	}
}

func TestProcessorProblems(t *testing.T) {
	for _, tc := range []struct {
		p    Processor
		want string
	}{
		{Processor{Arch: "amd64", Features: []string{"AVX", "AVX2"}, Cores: Cores{Physical: 2, Logical: 4}}, ""},
		{Processor{Arch: "arm64", Cores: Cores{Physical: 2, Quota: 2}}, ""},
		{Processor{Arch: "amd64", Features: []string{"AVX"}}, "AVX2"},
		{Processor{Arch: "arm64", Cores: Cores{Physical: 8, Quota: 1.5}}, "1.5 of 8"},
	} {
		d := Diagnosis{Processor: tc.p}
		d.checkProcessor()
		if tc.want == "" && len(d.Problems) > 0 ||
			tc.want != "" && (len(d.Problems) != 1 || !strings.Contains(d.Problems[0].What, tc.want)) {
			t.Errorf("%+v: %+v", tc.p, d.Problems)
		}
	}
}

func TestLinuxCores(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	hyper := fstest.MapFS{ // two cores of two threads: 0 with 2, 1 with 3
		"sys/devices/system/cpu/cpu0/topology/core_cpus_list":       file("0,2"),
		"sys/devices/system/cpu/cpu1/topology/core_cpus_list":       file("1,3"),
		"sys/devices/system/cpu/cpu2/topology/core_cpus_list":       file("0,2"),
		"sys/devices/system/cpu/cpu3/topology/thread_siblings_list": file("1,3"), // as older kernels have it
	}
	with := func(files map[string]string) fstest.MapFS {
		m := fstest.MapFS{}
		for name, f := range hyper {
			m[name] = f
		}
		for name, text := range files {
			m[name] = file(text)
		}
		return m
	}
	for _, tc := range []struct {
		name    string
		root    fstest.MapFS
		allowed []int
		want    Cores
		threads int
	}{
		{"hyperthreads", hyper, []int{0, 1, 2, 3}, Cores{4, 2, 0}, 2},
		{"one core's threads", hyper, []int{1, 3}, Cores{2, 1, 0}, 1},
		{"no topology", fstest.MapFS{}, []int{4, 5, 6}, Cores{3, 3, 0}, 3},
		{"no limit", with(map[string]string{"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}),
			[]int{0, 1}, Cores{2, 2, 0}, 2},
		{"limit above",
			with(map[string]string{"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "50000 100000"}),
			[]int{0, 1}, Cores{2, 2, 0.5}, 1},
		{"smallest limit", with(map[string]string{
			"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "150000 100000",
			"sys/fs/cgroup/a/b/cpu.max": "300000 100000",
		}), []int{0, 1, 2, 3}, Cores{4, 2, 1.5}, 2},
		{"version 1", with(map[string]string{
			"proc/self/cgroup":                         "7:memory:/m\n4:cpu,cpuacct:/c",
			"sys/fs/cgroup/cpu/c/cpu.cfs_quota_us":     "100000",
			"sys/fs/cgroup/cpu/c/cpu.cfs_period_us":    "100000",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":       "-1",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":      "100000",
			"sys/fs/cgroup/memory/m/cpu.cfs_quota_us":  "1",
			"sys/fs/cgroup/memory/m/cpu.cfs_period_us": "100000",
		}), []int{0, 1, 2, 3}, Cores{4, 2, 1}, 1},
		{"nonsense", with(map[string]string{"proc/self/cgroup": "x\n0::/", "sys/fs/cgroup/cpu.max": "many 0"}),
			[]int{0}, Cores{1, 1, 0}, 1},
	} {
		got := linuxCores(tc.root, tc.allowed)
		if got != tc.want || got.threads() != tc.threads {
			t.Errorf("%s: %+v with %d threads, want %+v with %d", tc.name, got, got.threads(), tc.want, tc.threads)
		}
	}
}

func TestProblemsHaveRemedies(t *testing.T) {
	var d Diagnosis
	f, _ := search(t, nil)
	f.inspect = func(string) (facts, error) { return facts{}, errors.New("not found") }
	d.checkLibrary(f)
	if d.Usable() || len(d.Problems) != 1 || d.Problems[0].Remedy == "" {
		t.Errorf("%+v", d)
	}
}

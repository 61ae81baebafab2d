package runtime

import (
	"io/fs"
	"math"
	"path"
	goruntime "runtime"
	"strconv"
	"strings"
)

// Cores describes the processors that this process may use.
type Cores struct {
	Logical  int     `json:"logical"`         // hardware threads that the process may use
	Physical int     `json:"physical"`        // cores that these belong to
	Quota    float64 `json:"quota,omitempty"` // CPU time limit of its control group, in cores; 0: none
}

// DefaultThreads is one thread per physical core, limited by the quota of the control group. Two hardware threads of a
// core share its arithmetic units, so more threads only wait for each other.
func DefaultThreads() int { return machineCores().threads() }

func (c Cores) threads() int {
	n := c.Physical
	if c.Quota > 0 {
		n = min(n, int(math.Ceil(c.Quota)))
	}
	return max(n, 1)
}

// linuxCores reads the topology of the allowed processors and the quota from a Linux file system. Without the topology
// it assumes one thread per core, without a quota no limit.
func linuxCores(root fs.FS, allowed []int) Cores {
	c := Cores{Logical: len(allowed), Quota: linuxQuota(root)}
	cores := map[string]bool{}
	for _, cpu := range allowed {
		dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(cpu) + "/topology/"
		siblings, err := fs.ReadFile(root, dir+"core_cpus_list")
		if err != nil { // the name before Linux 5.3
			siblings, err = fs.ReadFile(root, dir+"thread_siblings_list")
		}
		if err != nil {
			siblings = []byte(strconv.Itoa(cpu))
		}
		cores[strings.TrimSpace(string(siblings))] = true
	}
	c.Physical = len(cores)
	return c
}

// linuxQuota is the smallest quota of the control groups around this process, in cores; 0 if there is none.
func linuxQuota(root fs.FS) float64 {
	lines, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	quota := 0.0
	limit := func(q float64) {
		if q > 0 && (quota == 0 || q < quota) {
			quota = q
		}
	}
	for line := range strings.Lines(string(lines)) {
		// "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1)
		field := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(field) != 3 {
			continue
		}
		for dir := path.Clean("/" + field[2]); ; dir = path.Dir(dir) {
			switch {
			case field[1] == "":
				limit(quotaV2(root, path.Join("sys/fs/cgroup", dir, "cpu.max")))
			case strings.Contains(","+field[1]+",", ",cpu,"):
				limit(quotaV1(root, path.Join("sys/fs/cgroup/cpu", dir)))
			}
			if dir == "/" {
				break
			}
		}
	}
	return quota
}

// quotaV2 reads "200000 100000": microseconds of computing per period; "max" is no limit.
func quotaV2(root fs.FS, file string) float64 {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0
	}
	field := strings.Fields(string(text))
	if len(field) != 2 {
		return 0
	}
	return ratio(field[0], field[1])
}

func quotaV1(root fs.FS, dir string) float64 {
	quota, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0
	}
	period, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// ratio is 0 unless both are positive numbers; "max" and -1 mean no limit.
func ratio(quota, period string) float64 {
	q, errQ := strconv.ParseFloat(quota, 64)
	p, errP := strconv.ParseFloat(period, 64)
	if errQ != nil || errP != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}

// plainCores counts processors where their topology is unknown.
func plainCores() Cores { return Cores{Logical: goruntime.NumCPU(), Physical: goruntime.NumCPU()} }

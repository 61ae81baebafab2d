package workflow

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/version"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/trainer"
)

// broker is one in this process, until the test ends.
func broker(t *testing.T) cluster.Address {
	t.Helper()
	b, err := cluster.StartBroker(cluster.BrokerOptions{
		Address: listen.Address{Listen: "127.0.0.1:0"}, Store: t.TempDir(),
	}, silent())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return cluster.Address{URL: b.URL}
}

// work runs workers in this process until the test ends, each with another number of threads.
func work(t *testing.T, address cluster.Address, count int, log *slog.Logger) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for i := range count {
		workers.Go(func() {
			err := Work(ctx, WorkOptions{
				Engine:  engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: i + 1},
				Cluster: address, Ready: func(WorkerInfo) error { return nil },
			}, log)
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); workers.Wait() })
}

// Workers make the model that one process makes, also of samples from a solved scan.
func TestWorkersPretrain(t *testing.T) {
	solved := simulated(t, 32, 12)
	run := func(address cluster.Address) []byte {
		o := pretraining(t)
		o.With, o.Config.SolvedShare, o.Cluster = Paths{solved}, 0.5, address
		if _, err := Pretrain(t.Context(), o, io.Discard, silent()); err != nil {
			t.Fatal(err)
		}
		return read(t, o.OutputDir, trainer.ModelFile)
	}
	address := broker(t)
	work(t, address, 2, silent())
	if want, got := run(cluster.Address{}), run(address); !bytes.Equal(got, want) {
		t.Error("the workers make another model")
	}
}

// Workers make the model that one process trains, also if its weights begin as those of the general network.
func TestWorkersTrain(t *testing.T) {
	scan := simulated(t, 64, 12)
	t.Chdir(filepath.Dir(scan))
	run := func(address cluster.Address) []byte {
		o := options(t, engine.KindORT)
		o.TrainFiles, o.Cluster = Paths{filepath.Base(scan)}, address
		c := &o.Config
		c.MaxEpochs, c.BatchSize, c.Shards, c.Probe, c.ProbePasses = 2, 4, 2, trainer.ProbeTrainable, 2
		c.Network, c.FiltersScale, c.Extent, o.Init = models.Unrolled, 2, models.Full, general.Name
		trained(t, o)
		return read(t, o.OutputDir, trainer.ModelFile)
	}
	address := broker(t)
	work(t, address, 2, silent())
	if want, got := run(cluster.Address{}), run(address); !bytes.Equal(got, want) {
		t.Error("the workers make another model")
	}
}

// A worker refuses a plan of other files, of another version, and what is none.
func TestPlansThatAWorkerRefuses(t *testing.T) {
	o := pretraining(t)
	o.With = Paths{simulated(t, 32, 12)}
	train := options(t, engine.KindORT)
	train.Config.Shards = 1
	const otherData = "other data than on the machine that trains"
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"other files":   {planText(t, plan{version.String, "ab", &o, nil}), otherData},
		"another scan":  {planText(t, plan{version.String, "ab", nil, &train}), otherData},
		"other version": {planText(t, plan{"0.0.1", "ab", &o, nil}), "the training is one of ptyx 0.0.1"},
		"no training":   {planText(t, plan{Version: version.String}), "a plan that this worker cannot read"},
		"no plan":       {"[1]", "a plan that this worker cannot read"},
	} {
		worker := WorkOptions{Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1}}
		_, err := worker.openPlan(t.Context(), []byte(c.text), silent())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func planText(t *testing.T, p plan) string {
	t.Helper()
	text, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

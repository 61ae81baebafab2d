package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/cmplx"
	"os"
	"time"

	"ptyx/export"
	"ptyx/internal/contract"
	"ptyx/internal/dataset"
	"ptyx/internal/engine"
	"ptyx/internal/ndarray"
	"ptyx/internal/npz"
	"ptyx/internal/reconstruct"
	"ptyx/models"
	"ptyx/runtime"
	"ptyx/trainer"
)

type prog struct{}

func (prog) Batch(int, int, int, float64) {}
func (prog) Epoch(e trainer.Epoch)        { fmt.Printf("%d %.5f %.1f/s\n", e.Number, e.TrainLoss, e.PatternsPerSecond) }
func main() {
	data := "/work/shared/data/"
	ep := flag.Int("e", 5, "")
	fs := flag.Int("s", 1, "")
	probe := flag.Bool("ref", true, "")
	tp := flag.String("tp", "fixed", "")
	lr := flag.Float64("lr", 1e-3, "")
	eps := flag.Float64("eps", 0.1, "")
	bs := flag.Int("b", 16, "")
	out := flag.String("out", "", "")
	gs := flag.Int("g", 1, "")
	prate := flag.Float64("pr", 1, "")
	wu := flag.Int("wu", 1, "")
	flag.Parse()
	pf := ""
	if *probe {
		pf = data + "siemens-star-64-reference.npz"
	}
	scan, err := dataset.Open(data+"siemens-star-64.npz", dataset.Options{ProbeFile: pf})
	ck(err)
	lib, _ := runtime.Find("")
	env, err := runtime.Open(lib)
	ck(err)
	eng := engine.NewORT(env, runtime.SessionOptions{Threads: 2})
	t := time.Now()
	cfg := trainer.Config{N: 64, Grouping: trainer.Shared, Gridsize: *gs, FiltersScale: *fs, Extent: models.Full, Loss: trainer.Poisson, MaxEpochs: *ep, BatchSize: *bs, LearningRate: *lr, Probe: trainer.ProbeMode(*tp), ProbeRate: *prate, ProbeWarmUp: *wu, PhotonEpsilon: *eps, Threads: 2}
	r, err := trainer.Train(context.Background(), trainer.Request{Config: cfg, Scan: scan, Engine: eng, Progress: prog{}, Log: slog.New(slog.DiscardHandler)})
	ck(err)
	fmt.Println("train", time.Since(t))
	p, _ := scan.MeanPower()
	m, err := export.Checkpoint(cfg.Network(32/sqrt(p)), r.State.Parameters, contract.Contract{})
	ck(err)
	pr, err := reconstruct.NewORT(env, m.Marshal(), runtime.SessionOptions{Threads: 2})
	ck(err)
	t = time.Now()
	res, err := reconstruct.Run(context.Background(), pr, scan, contract.Contract{N: 64, Gridsize: 1, Channels: 1, Probe: r.Probe}, reconstruct.Options{BatchSize: 16})
	ck(err)
	fmt.Println("infer", time.Since(t))
	ref, err := npz.Open(data + "siemens-star-64-reference.npz")
	ck(err)
	o, err := ref.Complex64("objectGuess")
	ck(err)
	fmt.Println("corr", corr(res, o))
	if *out != "" {
		ck(res.Save(*out, "x"))
	}
	_ = os.Stdout
}
func sqrt(x float64) float64 { return real(cmplx.Sqrt(complex(x, 0))) }
func corr(r *reconstruct.Result, ref *ndarray.Complex64) float64 {
	H, W := ref.Shape[0], ref.Shape[1]
	best := 0.0
	for _, h := range []int{0} {
		_ = h
		// ramp search
		for ky := -20; ky <= 20; ky++ {
			for kx := -20; kx <= 20; kx++ {
				var s, mp, mq complex128
				var a, b, n float64
				for y := H / 4; y < 3*H/4; y += 1 {
					for x := W / 4; x < 3*W/4; x += 1 {
						yy, xx := y-r.Row, x-r.Col
						if (y+x)%4 != 0 {
							continue
						}
						ph := cmplx.Exp(complex(0, float64(ky)*0.005*float64(y)+float64(kx)*0.005*float64(x)))
						p := complex128(r.Object.Data[yy*r.Object.Shape[1]+xx]) * ph
						q := complex128(ref.Data[y*W+x])
						s += p * cmplx.Conj(q)
						mp += p
						mq += q
						n++
						a += real(p * cmplx.Conj(p))
						b += real(q * cmplx.Conj(q))
					}
				}
				s -= mp * cmplx.Conj(mq) / complex(n, 0)
				a -= real(mp*cmplx.Conj(mp)) / n
				b -= real(mq*cmplx.Conj(mq)) / n
				c := cmplx.Abs(s) / sqrt(a*b)
				if c > best {
					best = c
				}
			}
		}
	}
	return best
}
func ck(e error) {
	if e != nil {
		fmt.Println("ERR", e)
		os.Exit(1)
	}
}

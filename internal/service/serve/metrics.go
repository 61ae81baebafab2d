package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the server's metrics. Each server has its own registry.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by model and status
	seconds  *prometheus.HistogramVec // by model, of successful requests
	waiting  *prometheus.GaugeVec     // by model
	running  *prometheus.GaugeVec     // by model
	samples  *prometheus.HistogramVec // by model
	batches  *prometheus.HistogramVec // by model
	patterns *prometheus.CounterVec   // by model
	frames   *prometheus.CounterVec   // by result
	scans    prometheus.Gauge
	memory   prometheus.Gauge
}

func newMetrics() *metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	auto := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return auto.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts{Name: name, Help: help} }
	histogram := func(name, help string, least float64, count int) *prometheus.HistogramVec {
		buckets := prometheus.ExponentialBuckets(least, 2, count)
		return auto.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets},
			[]string{"model"})
	}
	return &metrics{
		registry: registry,
		requests: counter("ptyx_requests_total", "Requests for inference, by HTTP status.", "model", "status"),
		seconds: histogram("ptyx_request_seconds", "Time from arrival to answer of successful requests for inference.",
			0.001, 16),
		waiting: auto.NewGaugeVec(gauge("ptyx_queue_samples", "Samples that wait in the queue."), []string{"model"}),
		running: auto.NewGaugeVec(gauge("ptyx_batches_running", "Batches being computed, here or by workers."),
			[]string{"model"}),
		samples:  histogram("ptyx_batch_samples", "Samples of a batch.", 1, 9),
		batches:  histogram("ptyx_batch_seconds", "Time to compute a batch, here or by a worker.", 0.001, 14),
		patterns: counter("ptyx_patterns_total", "Patterns that the network has processed.", "model"),
		frames: counter("ptyx_scan_frames_total",
			"Frames of scans: stitched, repeated (and ignored), or returned from the disk.", "result"),
		scans:  auto.NewGauge(gauge("ptyx_scans", "Scans that the server keeps.")),
		memory: auto.NewGauge(gauge("ptyx_scans_bytes", "Memory that scans use.")),
	}
}

// answered counts a request for inference.
func (m *metrics) answered(model string, status int, took time.Duration) {
	m.requests.WithLabelValues(model, strconv.Itoa(status)).Inc()
	if status == http.StatusOK {
		m.seconds.WithLabelValues(model).Observe(took.Seconds())
	}
}

// modelMetrics are the metrics of one model's queue.
type modelMetrics struct {
	waiting  prometheus.Gauge
	running  prometheus.Gauge
	samples  prometheus.Observer
	batches  prometheus.Observer
	patterns prometheus.Counter
	channels float64
}

func (m *metrics) ofModel(name string, channels int) modelMetrics {
	return modelMetrics{
		waiting: m.waiting.WithLabelValues(name), running: m.running.WithLabelValues(name),
		samples: m.samples.WithLabelValues(name), batches: m.batches.WithLabelValues(name),
		patterns: m.patterns.WithLabelValues(name), channels: float64(channels),
	}
}

// computed counts a batch.
func (m modelMetrics) computed(samples int, took time.Duration) {
	m.samples.Observe(float64(samples))
	m.batches.Observe(took.Seconds())
	m.patterns.Add(float64(samples) * m.channels)
}

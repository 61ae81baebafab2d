package serve

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are the server's counters, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by model and status
	seconds  *prometheus.HistogramVec // by model, of those that were answered in full
	waiting  *prometheus.GaugeVec     // by model
	inside   *prometheus.GaugeVec     // by model
	batches  *prometheus.HistogramVec // by model
	running  *prometheus.HistogramVec // by model
	patterns *prometheus.CounterVec   // by model
	frames   *prometheus.CounterVec   // by what became of them
	scans    prometheus.Gauge
	memory   prometheus.Gauge
}

func newMetrics() *metrics {
	model := []string{"model"}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ptyx_requests_total", Help: "Requests for inference, by HTTP status."}, []string{"model", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ptyx_request_seconds", Help: "From arrival to answer, of requests for inference that succeeded.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}, model),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ptyx_queue_samples", Help: "Samples that wait before the network."}, model),
		inside:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ptyx_batches_running", Help: "Batches in the network, or with the workers."}, model),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ptyx_batch_samples", Help: "Samples of a batch.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9)}, model),
		running: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ptyx_batch_seconds", Help: "A batch in the network, or with the workers.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, model),
		patterns: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ptyx_patterns_total", Help: "Patterns that went through the network."}, model),
		frames:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ptyx_scan_frames_total", Help: "Frames of scans: stitched, repeated and passed over, or returned from the disk."}, []string{"result"}),
		scans:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "ptyx_scans", Help: "Scans that are kept."}),
		memory:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "ptyx_scans_bytes", Help: "Memory that scans hold."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.waiting, m.inside, m.batches, m.running, m.patterns, m.frames, m.scans, m.memory,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// answered counts a request for inference.
func (m *metrics) answered(model string, status int, took time.Duration) {
	m.requests.WithLabelValues(model, strconv.Itoa(status)).Inc()
	if status == 200 {
		m.seconds.WithLabelValues(model).Observe(took.Seconds())
	}
}

// modelMetrics are those of one model's queue.
type modelMetrics struct {
	waiting   prometheus.Gauge
	inNetwork prometheus.Gauge
	batches   prometheus.Observer
	running   prometheus.Observer
	patterns  prometheus.Counter
	channels  float64
}

func (m *metrics) ofModel(name string, channels int) modelMetrics {
	return modelMetrics{
		waiting: m.waiting.WithLabelValues(name), inNetwork: m.inside.WithLabelValues(name), batches: m.batches.WithLabelValues(name), running: m.running.WithLabelValues(name),
		patterns: m.patterns.WithLabelValues(name), channels: float64(channels),
	}
}

// ran counts a batch.
func (m modelMetrics) ran(samples int, took time.Duration) {
	m.batches.Observe(float64(samples))
	m.running.Observe(took.Seconds())
	m.patterns.Add(float64(samples) * m.channels)
}

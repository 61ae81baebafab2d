package render

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// dpi gives two device pixels per point, so that a canvas of an integer number of points has no partial pixel.
const (
	dpi      = 144
	perPoint = dpi / 72
)

// Widths of the colour bar's parts.
const (
	barGap   = vg.Length(10)
	barWidth = vg.Length(12)
	barTick  = vg.Length(4)
	margin   = vg.Length(8)
)

// Panel is an image (H, W) with its colours and labels. Row and Col place it in the scan's frame.
type Panel struct {
	Title    string
	Row, Col int
	H, W     int
	Values   []float64 // (H, W)
	Shown    []bool    // (H, W); nil: all. Other pixels, NaN and Inf are grey
	Map      Colormap
	Low      float64 // of the colour bar
	High     float64
	Label    string // of the colour bar: quantity and unit
}

// OnlyPositive leaves the values that are not positive grey, and ends the colour bar at those that are.
func (p *Panel) OnlyPositive() {
	p.Shown = make([]bool, len(p.Values))
	for i, v := range p.Values {
		p.Shown[i] = v > 0
	}
	p.Low, p.High = RobustRange(p.Values, p.Shown)
}

// axes are the panel's plot without its raster.
func (p *Panel) axes() *plot.Plot {
	plt := newPlot(p.Title, "x (pixels)", "y (pixels)")
	plt.X.Padding, plt.Y.Padding = 0, 0
	// A pixel's index is its centre.
	plt.X.Min, plt.X.Max = float64(p.Col)-0.5, float64(p.Col+p.W)-0.5
	plt.Y.Min, plt.Y.Max = float64(p.Row)-0.5, float64(p.Row+p.H)-0.5
	plt.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}} // row 0 on top
	return plt
}

// newPlot is an empty plot in the house style.
func newPlot(title, x, y string) *plot.Plot {
	plt := plot.New()
	sans := func(s *text.Style, size vg.Length) {
		s.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
	}
	plt.Title.Text, plt.X.Label.Text, plt.Y.Label.Text = title, x, y
	plt.Title.Padding = 4
	sans(&plt.Title.TextStyle, 11)
	for _, axis := range []*plot.Axis{&plt.X, &plt.Y} {
		sans(&axis.Label.TextStyle, 10)
		sans(&axis.Tick.Label, 9)
		axis.Tick.Marker = plot.TickerFunc(Ticks)
	}
	sans(&plt.Legend.TextStyle, 10)
	return plt
}

// barLabel names the quantity and the range shown.
func (p *Panel) barLabel() string { return fmt.Sprintf("%s, %.3g to %.3g", p.Label, p.Low, p.High) }

// barSpace is the width that the colour bar needs beside the image.
func (p *Panel) barSpace(plt *plot.Plot) vg.Length {
	widest := vg.Length(0)
	for _, t := range Ticks(p.Low, p.High) {
		widest = max(widest, plt.Y.Tick.Label.Width(t.Label))
	}
	label := plt.Y.Label.TextStyle
	return barGap + barWidth + barTick + 3 + widest + 4 + label.Height(p.barLabel()) + label.FontExtents().Descent
}

// frame is the size in points of everything around the image.
func (p *Panel) frame() (width, height vg.Length) {
	const side = 400 // any size: the frame hardly depends on it
	plt := p.axes()
	data := plt.DataCanvas(draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: side, Y: side}}}).Size()
	return side - data.X + p.barSpace(plt), side - data.Y
}

// size is the size of the panel, in points, if its image measures w x h points.
func (p *Panel) size(w, h vg.Length) vg.Point {
	fw, fh := p.frame()
	return vg.Point{X: w + fw, Y: h + fh}
}

// draw puts the panel on the canvas.
func (p *Panel) draw(c draw.Canvas, img *image.RGBA) {
	plt := p.axes()
	main := draw.Crop(c, 0, -p.barSpace(plt), 0, 0)
	data := plt.DataCanvas(main)
	table := p.Map.table()
	paint(img, device(data.Rectangle, img), p, table)
	plt.BackgroundColor = nil
	plt.Draw(main)
	p.drawBar(c, img, data.Rectangle, plt, table)
}

// device is a rectangle in pixels of the image.
func device(r vg.Rectangle, img *image.RGBA) image.Rectangle {
	px := func(v vg.Length) int { return int(math.Round(float64(v) * perPoint)) }
	h := img.Rect.Dy()
	return image.Rect(px(r.Min.X), h-px(r.Max.Y), px(r.Max.X), h-px(r.Min.Y))
}

// drawBar paints the colours from Low at the bottom to High at the top, with ticks and the label.
func (p *Panel) drawBar(c draw.Canvas, img *image.RGBA, data vg.Rectangle, plt *plot.Plot, table *[256]color.RGBA) {
	bar := vg.Rectangle{
		Min: vg.Point{X: data.Max.X + barGap, Y: data.Min.Y},
		Max: vg.Point{X: data.Max.X + barGap + barWidth, Y: data.Max.Y},
	}
	area := device(bar, img)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		k := 255 - (y-area.Min.Y)*255/max(1, area.Dy()-1)
		for x := area.Min.X; x < area.Max.X; x++ {
			img.SetRGBA(x, y, table[k])
		}
	}
	line := draw.LineStyle{Color: color.Black, Width: 0.5}
	c.StrokeLines(line, []vg.Point{bar.Min, {X: bar.Max.X, Y: bar.Min.Y}, bar.Max, {X: bar.Min.X, Y: bar.Max.Y},
		bar.Min})
	style := plt.Y.Tick.Label
	style.XAlign, style.YAlign = text.XLeft, text.YCenter
	widest := vg.Length(0)
	for _, t := range Ticks(p.Low, p.High) {
		y := bar.Min.Y + vg.Length((t.Value-p.Low)/(p.High-p.Low))*(bar.Max.Y-bar.Min.Y)
		c.StrokeLine2(line, bar.Max.X, y, bar.Max.X+barTick, y)
		c.FillText(style, vg.Point{X: bar.Max.X + barTick + 3, Y: y}, t.Label)
		widest = max(widest, style.Width(t.Label))
	}
	label := plt.Y.Label.TextStyle
	label.Rotation = math.Pi / 2
	label.XAlign, label.YAlign = text.XCenter, text.YTop
	c.FillText(label, vg.Point{X: bar.Max.X + barTick + 3 + widest + 4, Y: (bar.Min.Y + bar.Max.Y) / 2}, p.barLabel())
}

// paint fills a rectangle of device pixels with the panel's image. An enlarged image shows the nearest pixel. A reduced
// one shows the mean colour of the pixels that a device pixel covers: of colours, because wrapped phases have no mean.
func paint(img *image.RGBA, area image.Rectangle, p *Panel, table *[256]color.RGBA) {
	if area.Empty() {
		return
	}
	rows, cols := edges(p.H, area.Dy()), edges(p.W, area.Dx())
	colours := p.colours(table)
	for y := range area.Dy() {
		line := img.Pix[img.PixOffset(area.Min.X, area.Min.Y+y):]
		if y > 0 && rows[y] == rows[y-1] { // the same source row again
			copy(line[:4*area.Dx()], img.Pix[img.PixOffset(area.Min.X, area.Min.Y+y-1):])
			continue
		}
		for x := range area.Dx() {
			c := meanColour(colours, p.W, rows[y], cols[x])
			line[4*x], line[4*x+1], line[4*x+2], line[4*x+3] = c.R, c.G, c.B, 0xff
		}
	}
}

// colours is the coloured image.
func (p *Panel) colours(table *[256]color.RGBA) []color.RGBA {
	out, grey := make([]color.RGBA, len(p.Values)), uncovered()
	scale := 255 / (p.High - p.Low)
	for i, v := range p.Values {
		t := (v - p.Low) * scale
		if (p.Shown != nil && !p.Shown[i]) || math.IsNaN(t) || math.IsInf(v, 0) {
			out[i] = grey
			continue
		}
		out[i] = table[int(min(max(t, 0), 255)+0.5)]
	}
	return out
}

// edges lists the range [from, to) of the n source pixels that each device pixel shows, at least one.
func edges(n, device int) [][2]int {
	out := make([][2]int, device)
	for i := range out {
		from := i * n / device
		out[i] = [2]int{from, max(from+1, (i+1)*n/device)}
	}
	return out
}

func meanColour(colours []color.RGBA, width int, rows, cols [2]int) color.RGBA {
	if rows[1]-rows[0] == 1 && cols[1]-cols[0] == 1 {
		return colours[rows[0]*width+cols[0]]
	}
	var red, green, blue, count int
	for r := rows[0]; r < rows[1]; r++ {
		for _, c := range colours[r*width+cols[0] : r*width+cols[1]] {
			red, green, blue, count = red+int(c.R), green+int(c.G), blue+int(c.B), count+1
		}
	}
	return color.RGBA{R: uint8(red / count), G: uint8(green / count), B: uint8(blue / count), A: 0xff}
}

package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

var errTooLong = errors.New("the line is too long")

// lines reads a file line by line.
type lines struct {
	from *bufio.Reader
	line int // number of the last line read, from 1
	left int // bytes that the reader of records may still take for one record
}

func newLines(from io.Reader) *lines { return &lines{from: bufio.NewReader(from)} }

// next is the next line without its end. The first line loses the mark that spreadsheets put before UTF-8.
func (l *lines) next() (string, error) {
	var text strings.Builder
	l.line++
	for {
		part, err := l.from.ReadSlice('\n')
		text.Write(part)
		switch {
		case text.Len() > longestLine:
			return "", errTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && text.Len() > 0, err == nil:
			return strings.TrimRight(strings.TrimPrefix(text.String(), "\ufeff"), "\r\n"), nil
		}
		return "", err
	}
}

// Read hands the rest of the file to the reader of records.
func (l *lines) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.from.Read(p)
	l.left -= n
	return n, err
}

// records splits lines into fields.
type records struct {
	lines *lines
	csv   *csv.Reader
	line  int // number of the last record's line, from 1
}

func newRecords(l *lines, comma rune) *records {
	r := &records{lines: l, csv: csv.NewReader(l)}
	r.csv.Comma, r.csv.Comment, r.csv.FieldsPerRecord, r.csv.LazyQuotes, r.csv.ReuseRecord = comma, '#', -1, true, true
	r.csv.TrimLeadingSpace = comma == ' ' // several blanks are one
	return r
}

// next is the next line that is not empty. A quoted field may go over several lines, so the limit is one of a record.
func (r *records) next() ([]string, error) {
	const buffered = 4096 // bytes that csv.Reader reads ahead
	for {
		r.lines.left = longestLine + buffered
		fields, err := r.csv.Read()
		if err != nil {
			r.line++
			return nil, err
		}
		r.line, _ = r.csv.FieldPos(0)
		fields = withoutTail(fields, r.csv.Comma)
		if slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }) {
			return fields, nil
		}
	}
}

// withoutTail drops the empty field that blanks at the end of a line make.
func withoutTail(fields []string, comma rune) []string {
	if n := len(fields); comma == ' ' && n > 0 && fields[n-1] == "" {
		return fields[:n-1]
	}
	return fields
}

// split splits one line.
func split(text string, comma rune) []string {
	l := newLines(strings.NewReader(text))
	l.left = math.MaxInt
	r := newRecords(l, comma)
	r.csv.Comment = 0
	fields, err := r.csv.Read()
	if err != nil {
		return nil
	}
	fields = slices.Clone(withoutTail(fields, comma))
	for i, f := range fields {
		fields[i] = strings.TrimSpace(f)
	}
	return fields
}

// separators are those of columns, the rarest inside a field first.
var separators = []rune{'\t', ';', ',', ' '}

// formOf finds the separator of a line of numbers: the one that gives the largest share of numbers, at least two. It is
// 0 for any other line.
func formOf(text string) (comma rune, fields []string) {
	if strings.HasPrefix(strings.TrimSpace(text), "#") {
		return 0, nil
	}
	best := 0.0
	for _, c := range separators {
		parts, numbers := split(text, c), 0
		for _, p := range parts {
			if _, ok := number(p); ok {
				numbers++
			}
		}
		if share := float64(numbers) / float64(max(1, len(parts))); numbers >= 2 && share > best {
			best, comma, fields = share, c, parts
		}
	}
	return comma, fields
}

// number reads a number, which may have a decimal comma.
func number(field string) (float64, bool) {
	field = strings.TrimSpace(field)
	v, err := strconv.ParseFloat(field, 64)
	if err != nil && strings.Count(field, ",") == 1 && !strings.Contains(field, ".") {
		v, err = strconv.ParseFloat(strings.Replace(field, ",", ".", 1), 64)
	}
	return v, err == nil
}

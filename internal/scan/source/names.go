package source

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Names of arrays and columns are compared by their words, so that x, X_um, samx, "Sample X (mm)" and pos_x are all x.

// WordsOf splits a name at signs, digits and capitals, into lower case; a unit at the end is dropped.
func WordsOf(name string) []string {
	if unit := UnitOfName(name); unit != "" && unit != string(Pixels) {
		name = strings.TrimRight(name, " )]}")
		name = strings.TrimSuffix(name, unit)
	}
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = nil
		}
	}
	lower := false
	for _, c := range name {
		if !unicode.IsLetter(c) {
			end()
			continue
		}
		if unicode.IsUpper(c) && lower {
			end()
		}
		lower = unicode.IsLower(c)
		word = append(word, c)
	}
	end()
	return words
}

// fillers are words of a position's name that say nothing about its axis; those of a setpoint are worse.
var (
	fillers = strings.Fields(`pos position positions coord coords coordinate coordinates stage sample sam motor mot mtr
		probe beam scan scanner point points readback rbv actual act meas measured encoder enc mean average avg value
		val lab piezo pz fine nano interferometer laser px start st`)
	setpoints = strings.Fields("set setpoint target demand nominal cmd command request requested goal")
	axisWords = map[string]byte{
		"x": 'x', "horizontal": 'x', "horiz": 'x', "hor": 'x', "column": 'x', "columns": 'x', "col": 'x', "cols": 'x',
		"y": 'y', "vertical": 'y', "vert": 'y', "ver": 'y', "row": 'y', "rows": 'y',
	}
)

// axisOf is the axis that a name stands for, x or y, 0 for neither. The penalty is larger for more words, and much
// larger for where a motor was sent instead of where it was. shape is the name without its axis: the same for both.
func axisOf(name string) (axis byte, penalty int, shape string) {
	var rest []string
	for _, word := range WordsOf(name) {
		switch a, glued := axisWord(word); {
		case slices.Contains(setpoints, word):
			penalty += 10
			rest = append(rest, word)
		case slices.Contains(fillers, word):
			penalty++
			rest = append(rest, word)
		case a != 0 && axis == 0:
			axis = a
			if glued != "" {
				penalty++
			}
			rest = append(rest, glued+"*")
		default:
			return 0, 0, ""
		}
	}
	return axis, penalty, strings.Join(rest, " ")
}

// axisWord is the axis of a word; glued is a filler that stands before or behind it, as in samx and xpos.
func axisWord(word string) (axis byte, glued string) {
	if a := axisWords[word]; a != 0 {
		return a, ""
	}
	for _, letter := range []string{"x", "y"} {
		for _, rest := range []string{strings.TrimSuffix(word, letter), strings.TrimPrefix(word, letter)} {
			if rest != word && (slices.Contains(fillers, rest) || rest == "s" || rest == "p") {
				return letter[0], rest
			}
		}
	}
	return 0, ""
}

// Pair are the names of the two axes of positions. Its penalty is larger, the less its names say so.
type Pair struct {
	X, Y    string
	Penalty int
}

// PairsIn finds the names that are two axes of the same thing, the likeliest first.
func PairsIn(names []string) []Pair {
	var pairs []Pair
	for _, x := range names {
		axis, penalty, shape := axisOf(x)
		if axis != 'x' {
			continue
		}
		for _, y := range names {
			if a, more, other := axisOf(y); a == 'y' && other == shape {
				pairs = append(pairs, Pair{x, y, penalty + more})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Penalty, b.Penalty) })
	return pairs
}

// likeliest is the first pair, if no other one is as likely.
func likeliest(pairs []Pair) (Pair, bool) {
	if len(pairs) == 0 || len(pairs) > 1 && pairs[1].Penalty == pairs[0].Penalty {
		return Pair{}, false
	}
	return pairs[0], true
}

// numberNames are names of the numbers of frames, as words.
var numberNames = []string{
	"id", "ids", "index", "indices", "indexes", "idx", "frame", "frame id", "frame number", "frame index", "frame no",
	"image", "image id", "image number", "image index", "trigger", "trigger number", "trigger count", "detector count",
	"unique id", "ndarray unique id", "nd array unique id", "seq num", "point", "point number", "number", "no", "nr",
	"n",
	"scan index", "frames", "exposure", "pattern", "pattern index", "pattern number",
}

// IsNumber reports whether a name is that of the numbers of frames.
func IsNumber(name string) bool {
	return slices.Contains(numberNames, strings.Join(WordsOf(name), " "))
}

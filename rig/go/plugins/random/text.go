package random

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

const defaultSpecial = "!@#$%&*()-_=+[]{}<>:?"

// class is a set of characters with the least number of them that the text must hold.
type class struct {
	characters string
	least      int
}

func classes(inputs resource.PropertyMap) []class {
	special := pluginkit.Text(inputs, "overrideSpecial")
	if special == "" {
		special = defaultSpecial
	}
	var wanted []class
	for _, c := range []struct{ flag, least, characters string }{
		{"lower", "minLower", "abcdefghijklmnopqrstuvwxyz"},
		{"upper", "minUpper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{"numeric", "minNumeric", "0123456789"},
		{"special", "minSpecial", special},
	} {
		if pluginkit.Flag(inputs, c.flag, true) {
			wanted = append(wanted, class{c.characters, pluginkit.Integer(inputs, c.least, 0)})
		}
	}
	return wanted
}

// randomText draws each class's minimum, fills up from all classes, and shuffles.
func randomText(inputs resource.PropertyMap) (string, error) {
	length := pluginkit.Integer(inputs, "length", 0)
	pool, text := "", ""
	for _, class := range classes(inputs) {
		pool += class.characters
		drawn, err := draw(class.characters, class.least)
		if err != nil {
			return "", err
		}
		text += drawn
	}
	if pool == "" || length < 1 || len(text) > length {
		return "", fmt.Errorf("length: %d cannot hold the asked characters", length)
	}
	rest, err := draw(pool, length-len(text))
	if err != nil {
		return "", err
	}
	return shuffle([]byte(text + rest))
}

func draw(characters string, count int) (string, error) {
	drawn := make([]byte, count)
	for i := range drawn {
		n, err := below(len(characters))
		if err != nil {
			return "", err
		}
		drawn[i] = characters[n]
	}
	return string(drawn), nil
}

func shuffle(text []byte) (string, error) {
	for i := len(text) - 1; i > 0; i-- {
		n, err := below(i + 1)
		if err != nil {
			return "", err
		}
		text[i], text[n] = text[n], text[i]
	}
	return string(text), nil
}

func below(limit int) (int, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(limit)))
	if err != nil {
		return 0, err
	}
	return int(n.Int64()), nil
}

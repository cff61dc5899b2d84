package tlscert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/url"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"platform.rig/plugins/pluginkit"
)

func readIdentity(inputs resource.PropertyMap) (identity, error) {
	who := identity{subject: readSubject(pluginkit.Nested(inputs, "subject")), dnsNames: pluginkit.Texts(inputs, "dnsNames")}
	for _, text := range pluginkit.Texts(inputs, "ipAddresses") {
		address := net.ParseIP(text)
		if address == nil {
			return who, fmt.Errorf("ipAddresses: %q is not an IP address", text)
		}
		who.ipAddresses = append(who.ipAddresses, address)
	}
	for _, text := range pluginkit.Texts(inputs, "uris") {
		uri, err := url.Parse(text)
		if err != nil {
			return who, fmt.Errorf("uris: %w", err)
		}
		who.uris = append(who.uris, uri)
	}
	return who, nil
}

func readSubject(subject resource.PropertyMap) pkix.Name {
	one := func(name string) []string {
		if text := pluginkit.Text(subject, name); text != "" {
			return []string{text}
		}
		return nil
	}
	return pkix.Name{
		CommonName: pluginkit.Text(subject, "commonName"), SerialNumber: pluginkit.Text(subject, "serialNumber"),
		Organization: one("organization"), OrganizationalUnit: one("organizationalUnit"), Country: one("country"),
		Province: one("province"), Locality: one("locality"), PostalCode: one("postalCode"),
		StreetAddress: pluginkit.Texts(subject, "streetAddresses"),
	}
}

var keyUses = map[string]x509.KeyUsage{
	"digital_signature": x509.KeyUsageDigitalSignature, "content_commitment": x509.KeyUsageContentCommitment,
	"key_encipherment": x509.KeyUsageKeyEncipherment, "data_encipherment": x509.KeyUsageDataEncipherment,
	"key_agreement": x509.KeyUsageKeyAgreement, "cert_signing": x509.KeyUsageCertSign, "crl_signing": x509.KeyUsageCRLSign,
	"encipher_only": x509.KeyUsageEncipherOnly, "decipher_only": x509.KeyUsageDecipherOnly,
}

var extendedUses = map[string]x509.ExtKeyUsage{
	"any_extended": x509.ExtKeyUsageAny, "server_auth": x509.ExtKeyUsageServerAuth, "client_auth": x509.ExtKeyUsageClientAuth,
	"code_signing": x509.ExtKeyUsageCodeSigning, "email_protection": x509.ExtKeyUsageEmailProtection,
	"timestamping": x509.ExtKeyUsageTimeStamping, "ocsp_signing": x509.ExtKeyUsageOCSPSigning,
}

func addUses(certificate *x509.Certificate, uses []string) error {
	for _, use := range uses {
		if bit, ok := keyUses[use]; ok {
			certificate.KeyUsage |= bit
		} else if extended, ok := extendedUses[use]; ok {
			certificate.ExtKeyUsage = append(certificate.ExtKeyUsage, extended)
		} else {
			return fmt.Errorf("allowedUses: %q is not known", use)
		}
	}
	return nil
}

func unknownUse(value resource.PropertyValue) string {
	for _, item := range value.ArrayValue() {
		if item = pluginkit.Plain(item); !item.IsString() {
			continue
		}
		if err := addUses(&x509.Certificate{}, []string{item.StringValue()}); err != nil {
			return err.Error()
		}
	}
	return ""
}

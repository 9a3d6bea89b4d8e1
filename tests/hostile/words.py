"""Pieces of the formats, to be put where they do not belong: numbers that lie, and code that must not run."""

# Where code ran, a folder `canary` would be there: changed or not, it harms nobody.
NPY = [
    b"'|O'", b"'<f8'", b"'<U9'", b"'|S0'", b"'>i4'", b"'|V8'", b"'<f2'", b"[('a','O')]", b"True", b"False", b"(2,)",
    b"()", b"-1", b"9" * 12, b"9" * 30, b"1e9", b"'shape': ", b"'descr': ", b"{", b"}", b"(" * 300, b"[", b"-" * 200,
    b"L", b"\n", b"__import__('os').mkdir('canary')", b"\x93NUMPY\x02\0\xff\xff\xff\xff",
    b"\x93NUMPY\x03\0\xff\xff\xff\x7f",
]  # fmt: skip
ZIP = [
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x01\0\x18\0", b"../x.npy", *NPY,
]  # fmt: skip
PICKLE = [
    b"cposix\nmkdir\n(X\x06\0\0\0canarytR", b"cbuiltins\neval\n", b"cnumpy\nload\n", b"\x93", b"i", b"o", b"\x81",
    b"\x92", b"R", b"b", b"}", b"]", b")", b"(", b"t", b"u", b"e", b"a", b"s", b"0", b"2", b".", b"N", b"\x88",
    b"h\x01", b"q\x01", b"r\xff\xff\xff\xff", b"j\xff\xff\xff\x7f", b"T\xff\xff\xff\x7f", b"B\xff\xff\xff\xff",
    b"X\xff\xff\xff\xff", b"\x8b\xff\xff\xff\x7f", b"\x8a\xff", b"]" * 300, b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f", b"c_codecs\nencode\n", b"U\x06latin1",
]  # fmt: skip
TAR = [
    b"../", b"/etc/passwd", b"././@LongLink", b"././@PaxHeader", b"ustar  \0", b"ustar\x0000", b"\x80" + b"\xff" * 11,
    b"\xff" * 12, b"77777777777\0", b"00000000000\0", b"-1", b"9 size=-1\n", b"30 path=../../canary\n",
    b"17 GNU.sparse.major=1\n", *(bytes([kind]) for kind in b"0123456KLSVNgxX"),
]  # fmt: skip
JSON = [
    b"null", b"true", b"false", b"-1", b"1e999", b"NaN", b"9" * 400, b"9" * 5000, b"[" * 2000, b'{"a":' * 500,
    b'"\\ud800"', b'"\\u001b[2J"', b'"' + b"x" * 400 + b'"', b"[]", b"{}", b"{", b"}", b",", b":", b'"', b"../",
    b"0.5", b"[1, 2]", b"\xff",
]  # fmt: skip
IMAGE = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCPx\0\0", b"zTXtx\0\0", b"iTXtx\0\1\0\0\0", b"eXIf", b"acTL",
    b"fcTL", b"fdAT", b"MM\0*\0\0\0\x08", b"\xff\xd8", b"\xff\xda", b"\xff\xc0", b"\xff\xc2", b"\xff\xe1",
    b"\xff\xd9", b"GIF89a", b"\x21\xf9\x04", b"BM", b"P1", b"P4 ", b"P6\n", b"P7\n", b"Pf\n", b"65535\n",
    b"99999 99999", b"#", b"\x1b[2J", b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"EXIF",
    b"XMP ", b"tiff:Orientation=\"6\"", b"Raw profile type exif\0",
    b"II*\0\x08\0\0\0", b"\x03\x01\x03\0\x01\0\0\0\x05\0\0\0", b"\x16\x01\x03\0\x01\0\0\0\xff\xff\0\0",
    b"\xff\xff\xff\x7f",
]  # fmt: skip
YAML = [
    b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b": ", b"- ", b"? ", b"[", b"{", b"}", b"'",
    b'"', b"|\n", b">", b"&a ", b"*a", b"!!int ", b"!", b"<<: ", b"---\n", b"...\n", b"%YAML 1.1\n", b"#", b"null",
    b"true", b".nan", b"-1", b"1e999", b"9" * 200, b"0x", b'"\\UFFFFFFFF"', b'"\\ud800"', b"\r", b"\n", b"  ", b",",
    b"~", b"\\", b"\xf0\x9f\x98\x80", b"!!python/object/apply:os.mkdir ['canary']", b"!!python/name:os.system ",
    b"[" * 200, b"{a: " * 50, b"../../x", b"\nx: !!python/object/apply:os.mkdir ['canary']\n",
]  # fmt: skip
CSV = [b",", b'"', b"\n", b"\r", b"\0", b"nan", b"-inf", b"1e999", b"1_0", b"\xff", b"x" * 400, b"\x1b[2J", b'"' * 3]
PATHS = [b"../", b"..\\", b"/etc/passwd", b"C:\\x.png", b"in/", b"./", b".png", b"\xc3\xa9", b"in", b"http://x/a.png"]

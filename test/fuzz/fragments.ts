/**
 * What is put into lines: every class of bytes of which some code says something of its own, one character for each byte. Fragments stand
 * between bars.
 */
const CLASSES: readonly string[] = [
  // JSON's escapes, and what others escape
  '"|\\|\\"|\\\\|\b|\t|\f|\v|\x01|\x1f|\x7f|/|</|\\u0000|&',
  // Line ends and NUL
  "\r|\r\n|\n|\n\n|\r\r\n|\0|\0\0\0\0",
  // UTF-8: whole
  "\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x90\xb4|\xe2\x80\xa8|\xef\xbb\xbf|\xef\xbf\xbd|\xc2\x80|\xc5\xbf|\xf4\x8f\xbf\xbf|\xc2\xa0|\xe1\x9a\x80",
  // UTF-8: cut, overlong, surrogates, beyond the last character, bytes that never stand in it
  "\xc3|\xe2\x82|\xf0\x9f\x90|\xa9|\xc0\x80|\xe0\x80\x80|\xed\xa0\x80|\xed\xb0\x80|\xf4\x90\x80\x80|\xfe|\xff|\x80|\xbf",
  // The header's own characters
  " |  |:|: |::|[|]|[]|[1]|[1]:|[1]: |[2147483647]: |[2147483648]: |[-1]|[0]|[007]|<13>|<0>|<191>|<192>|<>|<1 3>",
  "-|+|.|,|;|=|(|)|%|%{x}|'|@|~|Jan 14 23:20:01 |Feb 29 00:00:00 |2013-01-14T23:20:01Z |.5|+01:00|Z|T|23:59:60",
  "2013-01-14T23:20:01.123456+01:00 |10.0.0.1|::1|2001:db8::7|fe80::1%eth0|010.0.0.1|1.2.3.4.5|10.1.2.3 node1 |999.1.1.1",
  // What messages have in them
  " from | port 1| ssh2|invalid user |user | for |, ip=|krb5 principal |host=|sshd|kern|false|true|0|9|00|-0|1e5|0x1f|_",
  "last message repeated 2 times|message repeated 3 times: [ |99999999999999999999",
];

/** All fragments. */
export const FRAGMENTS: readonly string[] = CLASSES.flatMap((text) => text.split("|"));

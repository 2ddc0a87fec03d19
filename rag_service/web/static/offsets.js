// The service counts Unicode code points, JavaScript strings count UTF-16 units: an emoji is one there and two here.

export function codePointLength(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export function utf16Offset(text, codePoints) {
  let units = 0;
  let left = codePoints;
  for (const character of text) {
    if (left <= 0) break;
    units += character.length;
    left -= 1;
  }
  return units;
}

export function sliceCodePoints(text, start, end) {
  return text.slice(utf16Offset(text, start), utf16Offset(text, end));
}

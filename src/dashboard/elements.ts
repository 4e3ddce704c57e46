/** The few things that the page does with the document. No text is ever read as HTML. */

type Child = Node | string;

/** Makes an element; properties are set as they are named in the document's model. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * Makes the children of `parent` look like `wanted`, and leaves alone what is the same already, so that
 * a selection or a scrolled table survives the next second.
 */
export function show(parent: Element, wanted: readonly Node[]): void {
  wanted.forEach((node, index) => {
    const shown = parent.childNodes[index];
    if (shown === undefined) parent.append(node);
    else morph(shown, node);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild?.remove();
}

function morph(shown: ChildNode, wanted: Node): void {
  if (shown.isEqualNode(wanted)) return;
  if (!(shown instanceof Element) || !(wanted instanceof Element) || shown.tagName !== wanted.tagName) {
    shown.replaceWith(wanted);
    return;
  }
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  show(shown, [...wanted.childNodes]);
}

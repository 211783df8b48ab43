import { parseXml, XmlElement } from "@rgrove/parse-xml";
import type { Stanza } from "./stanza.ts";

/**
 * Reads the XML of Torque's `qstat -x` and `pbsnodes -x`: `<Data>` with one element for each job or node, whose
 * children are attributes, or groups of them (`<Resource_List><walltime>`).
 * @param id the child that holds the id, `Job_Id` or `name`
 * @returns undefined when it is no such XML: Torque writes values as they are, also characters that XML cannot hold
 */
export function parseQstatXml(text: string, id: string): Stanza[] | undefined {
  let root: XmlElement | null;
  try {
    root = parseXml(text).root;
  } catch {
    return undefined;
  }
  if (root?.name !== "Data") return undefined;
  return elements(root).map((element) => {
    const attributes = new Map<string, string>();
    for (const child of elements(element)) {
      const members = elements(child);
      if (members.length === 0) attributes.set(child.name, child.text);
      else for (const member of members) attributes.set(`${child.name}.${member.name}`, member.text);
    }
    const name = attributes.get(id) ?? "";
    attributes.delete(id);
    return { id: name, attributes };
  });
}

function elements(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child) => child instanceof XmlElement);
}

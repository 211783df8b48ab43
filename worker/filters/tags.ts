import { z } from "zod";
import { renderTemplate, type Template } from "../pipeline/sprintf.ts";
import type { FilterKind } from "./filter.ts";
import { list, template } from "./options.ts";

/** Options of the tags filter. */
export interface TagsOptions {
  readonly add: readonly Template[];
  readonly remove: readonly Template[];
}

/** Adds tags, then removes tags: what `add_tag` and `remove_tag` of any filter do, where no filter is wanted. */
export const tags: FilterKind<TagsOptions> = {
  name: "tags",
  schema: z
    .strictObject({
      add: z.prefault(list<Template>(template), []),
      remove: z.prefault(list<Template>(template), []),
    })
    .refine(({ add, remove }) => add.length + remove.length > 0, { error: "names no tag; write add: or remove:" }),
  create({ add, remove }) {
    return {
      apply(event) {
        for (const tag of add) event.tag(renderTemplate(tag, event));
        for (const tag of remove) event.untag(renderTemplate(tag, event));
        return "matched";
      },
    };
  },
};

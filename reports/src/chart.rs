//! A chart: a picture in two widths, what it says in words, and its numbers.

use crate::text;

/// A drawn chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Id, unique on a page; also the file's name.
    pub id: String,
    /// What it shows, as a statement.
    pub title: String,
    /// One sentence on how to read it.
    pub reading: String,
    /// The picture for wide pages and for the file.
    pub wide: String,
    /// The picture for narrow pages.
    pub narrow: String,
    /// Its numbers.
    pub table: Table,
}

/// Numbers of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Column headings; the first column names the row.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

impl Chart {
    /// The wide picture for a page.
    pub fn wide(&self) -> &str {
        &self.wide
    }

    /// The narrow picture for a page.
    pub fn narrow(&self) -> &str {
        &self.narrow
    }

    /// The numbers as an HTML table.
    pub fn table_html(&self) -> String {
        self.table.html()
    }
}

impl Table {
    /// The table as HTML.
    pub fn html(&self) -> String {
        let mut out = String::from("<table><thead><tr>");
        for (i, cell) in self.head.iter().enumerate() {
            let class = if i == 0 { "" } else { " class=\"n\"" };
            out.push_str(&format!(
                "<th scope=\"col\"{class}>{}</th>",
                text::xml(cell)
            ));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let cell = text::xml(cell);
                out.push_str(&if i == 0 {
                    format!("<th scope=\"row\">{cell}</th>")
                } else {
                    format!("<td class=\"n\">{cell}</td>")
                });
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table>");
        out
    }
}

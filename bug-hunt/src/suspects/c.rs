// Made by `cargo course stubs`, to be hunted and not to be read.
use std::collections::{BTreeMap,BTreeSet};use std::time::Duration;use node::{Ctx,Event,NodeId,Time};
use crate::member::{Member,NameNode};use crate::message::{Message,Timer};use crate::view::{File,
FileId,Generation,REPLICATION,Registration,Replica};impl Q6{fn open(&mut self,from:NodeId,id:FileId,
survivors:Vec<NodeId>,ctx: &mut Ctx<'_,Member>,){if self.q28(id, &survivors){self.opened(from,id,ctx
);return;}let q18=self.files.get(&id);let mut q10=if!survivors.is_empty(){survivors.clone()}else if
q18.is_some_and(|entry|entry.length>0){self.q12(id)}else{let mut all:Vec<NodeId> =self.q19.keys().
copied().collect();ctx.rng.shuffle(&mut all);all.truncate(REPLICATION);all};q10.retain(|q49|self.q19
.contains_key(q49));if q10.is_empty(){ctx.send(from,Message::Refused{file:id});return;}let entry=
self.files.entry(id).or_default();entry.generation.0+=1;entry.closed=false;entry.replicas.clear();
let q42=entry.generation;self.q22.insert(id,(survivors,q10));self.q38(&format!("o {} {}",id.0,q42.0)
);self.opened(from,id,ctx);}fn q16(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=std::mem::take(&mut
self.q45);let written=ctx.disk.append(Q4,bytes.as_bytes());let q7=written.and_then(|()|ctx.disk.sync
(Q4));if q7.and_then(|()|ctx.disk.sync_dir("")).is_err(){return;}for(to,message)in std::mem::take(&
mut self.q35){ctx.send(to,message);}}fn q5(&mut self,from:NodeId,q32:Registration,ctx: &Ctx<'_,
Member>)->bool{if self.q19.get(&from).is_some_and(|old|old.q32>=q32){return false;}self.q15(from);
let q2=ctx.now();let last=0;self.q19.insert(from,Q36{q32,last,q2});true}fn q15(&mut self,q41:NodeId)
{self.q19.remove(&q41);self.q52.retain(|(at,_,_)| *at!=q41);for entry in self.files.values_mut(){
entry.replicas.remove(&q41);}}fn erased(&mut self,from:NodeId,id:FileId,q42:Generation,ctx: &mut Ctx
<'_,Member>){if let Some(entry)=self.files.get_mut(&id)&&entry.generation==q42{entry.replicas.remove
(&from);self.q13(id,ctx);}}fn q13(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let Some(entry)=self
.files.get(&id).filter(|entry|entry.closed)else{return;};let q42=entry.generation;let mut q14=self.
q12(id);if q14.len()<REPLICATION{self.q44(id,ctx);return;}ctx.rng.shuffle(&mut q14);for q24 in q14.
split_off(REPLICATION){self.q52.insert((q24,id,q42));self.erase(q24,id,q42,ctx);}}fn q21(&mut self,
from:NodeId,message:Message,ctx: &mut Ctx<'_,Member>){match message{Message::Open{file,survivors}=>
self.open(from,file,survivors,ctx),Message::Complete{file,generation,length,}=>self.complete(from,
file,generation,length,ctx),Message::Delete{file}=>self.q39(from,file,ctx),Message::Register{
registration,replicas,}=>{if self.q5(from,registration,ctx){self.q11(from, &replicas,ctx);}}Message::
Heartbeat{registration}=>self.q3(from,registration,ctx),Message::Report{registration,number,replicas
,}=>{if self.q29(from,registration,number){self.q11(from, &replicas,ctx);}}Message::Received{
registration,number,file,generation,}=>{if self.q29(from,registration,number){self.received(from,
file,generation,ctx);}}Message::Erased{registration,number,file,generation,}=>{if self.q29(from,
registration,number){self.erased(from,file,generation,ctx);}}_=>{}}}fn opened(&mut self,from:NodeId,
id:FileId,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.files.get(&id)&&let Some((_,q10))=self.
q22.get(&id){let opened=Message::Opened{file:id,generation:entry.generation,datanodes:q10.clone(),};
self.q8(from,opened,ctx);}}fn complete(&mut self,from:NodeId,id:FileId,q42:Generation,q27:u32,ctx: &
mut Ctx<'_,Member>,){let q47=Message::Completed{file:id,generation:q42,};match self.files.get_mut(&
id){Some(entry)if entry.generation==q42=>{if entry.closed{ctx.send(from,q47);}else if!entry.replicas
.is_empty(){entry.closed=true;entry.length=q27;self.q38(&format!("c {} {} {}",id.0,q42.0,q27));self.
q8(from,q47,ctx);self.q13(id,ctx);}}_=>ctx.send(from,Message::Refused{file:id}),}}fn received(&mut
self,from:NodeId,id:FileId,q42:Generation,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.files.
get_mut(&id)&&entry.generation==q42{entry.replicas.insert(from);self.q13(id,ctx);}}fn q3(&mut self,
from:NodeId,q32:Registration,ctx: &mut Ctx<'_,Member>){match self.q19.get_mut(&from){Some(q18)if q18
.q32==q32=>q18.q2=ctx.now(),Some(q18)if q18.q32>q32=>{}_=>ctx.send(from,Message::RegisterAgain),}}fn
q20(&mut self,ctx: &mut Ctx<'_,Member>){let q17= |q18: &Q36|ctx.now().since(q18.q2)>Q1;let q46=self.
q19.iter().filter(|(_,q18)|q17(q18));let q46:Vec<NodeId> =q46.map(|(at,_)| *at).collect();for q41 in
q46{self.q15(q41);}let all:Vec<FileId> =self.files.keys().copied().collect();for id in all{self.q13(
id,ctx);self.q53(id,ctx);}}fn q28(&self,id:FileId,survivors: &[NodeId])->bool{let open=self.files.
get(&id).is_some_and(|entry| !entry.closed);let last=self.q22.get(&id);open&&last.is_some_and(|(q51,
_)|q51==survivors)}fn q37(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=ctx.disk.read(Q4).
unwrap_or_default();let text=String::from_utf8_lossy(&bytes);let q23=text.rfind('\n').map_or(0, |end
|end+1);if ctx.disk.exists(Q4)&&ctx.disk.truncate(Q4,q23 as u64).is_err(){return;}for line in text[..
q23].lines(){self.q31(line);}}fn q38(&mut self,line: &str){self.q45.push_str(line);self.q45.push(
'\n');}fn erase(&self,at:NodeId,id:FileId,q42:Generation,ctx: &mut Ctx<'_,Member>){if let Some(q18)=
self.q19.get(&at){let message=Message::Erase{registration:q18.q32,file:id,generation:q42,};ctx.send(
at,message);}}fn q11(&mut self,from:NodeId,q40: &BTreeMap<FileId,Replica>,ctx: &mut Ctx<'_,Member>,)
{for(id,entry)in&mut self.files{let q26=q40.get(id).map(|q44|q44.generation);if q26==Some(entry.
generation){entry.replicas.insert(from);}else{entry.replicas.remove(&from);}}for(id,q44)in q40{let
q48=match self.files.get(id){None=>self.q45.is_empty(),Some(entry)=>{q44.generation<entry.generation
&&entry.closed&&self.q12(*id).len()>=REPLICATION}};if q48{self.erase(from, *id,q44.generation,ctx);}
}let all:Vec<FileId> =self.files.keys().copied().collect();for id in all{self.q13(id,ctx);}}fn q12(&
self,id:FileId)->Vec<NodeId>{let Some(entry)=self.files.get(&id)else{return Vec::new();};let q43= |
at: &&NodeId| !self.q52.contains(&(**at,id,entry.generation));entry.replicas.iter().filter(q43).
copied().collect()}fn q44(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let Some(entry)=self.files.
get(&id)else{return;};let last=self.q30.get(&id);if last.is_some_and(|last|ctx.now().since(*last)<
Q54){return;}let q9:Vec<NodeId> =entry.replicas.iter().copied().collect();let q25= |at: &&NodeId|{!
entry.replicas.contains(at)&& !self.q52.contains(&(**at,id,entry.generation))};let q10:Vec<NodeId> =
self.q19.keys().filter(q25).copied().collect();let q50=ctx.rng.choose(&q9).copied();let q49=ctx.rng.
choose(&q10).copied();if let(Some(q50),Some(to))=(q50,q49)&&let Some(q18)=self.q19.get(&q50){let
message=Message::Copy{registration:q18.q32,file:id,to,};ctx.send(q50,message);self.q30.insert(id,ctx
.now());}}fn q53(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let q14=self.q12(id);let Some(entry)=
self.files.get(&id).filter(|entry|entry.closed)else{return;};if q14.len()<REPLICATION{return;}let q42
=entry.generation;let q52:Vec<NodeId> =entry.replicas.iter().copied().collect();for q34 in q52.
into_iter().filter(|at| !q14.contains(at)){self.erase(q34,id,q42,ctx);}}fn q31(&mut self,line: &str)
{let mut words=line.split(' ');let q33=words.next().unwrap_or_default();let mut number= ||words.next
().and_then(|word|word.parse().ok()).unwrap_or(0);let id=FileId(number());let q42=Generation(number(
));let q27=number();match q33{"o"=>{let entry=self.files.entry(id).or_default();entry.generation=q42
;entry.closed=false;}"c"=>{let entry=self.files.entry(id).or_default();entry.closed=true;entry.
length=q27;}_=>{self.files.remove(&id);}}}fn q29(&mut self,from:NodeId,q32:Registration,number:u64)->
bool{match self.q19.get_mut(&from){Some(q18)if q18.q32==q32&&q18.last<number=>{q18.last=number;true}
_=>false,}}fn q8(&mut self,to:NodeId,message:Message,ctx: &mut Ctx<'_,Member>){if self.q35.is_empty(
){let soon=Duration::from_millis(5+ctx.rng.below(350));ctx.set_timer(Timer::Flush,soon);}self.q35.
push((to,message));}fn q39(&mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if self.files.
remove(&id).is_some(){self.q38(&format!("d {}",id.0));}self.q8(from,Message::Deleted{file:id},ctx);}
}pub(super)fn new()->Box<dyn NameNode>{Box::new(Q6::default())}const Q0:Duration=Duration::
from_millis(400); #[derive(Default)]struct Q6{files:BTreeMap<FileId,File>,q19:BTreeMap<NodeId,Q36>,
q52:BTreeSet<(NodeId,FileId,Generation)>,q22:BTreeMap<FileId,(Vec<NodeId>,Vec<NodeId>)>,q30:BTreeMap
<FileId,Time>,q45:String,q35:Vec<(NodeId,Message)>,}const Q4: &str="edits";struct Q36{q32:
Registration,last:u64,q2:Time,}impl NameNode for Q6{fn files(&self)-> &BTreeMap<FileId,File>{&self.
files}fn step(&mut self,event:Event<Message,Timer>,ctx: &mut Ctx<'_,Member>){match event{Event::
Start=>{self.q37(ctx);ctx.set_timer(Timer::Check,Q0);}Event::Timer(Timer::Check)=>{self.q20(ctx);ctx
.set_timer(Timer::Check,Q0);}Event::Timer(Timer::Flush)=>self.q16(ctx),Event::Timer(_)=>{}Event::
Message{from,message}=>self.q21(from,message,ctx),}}}const Q54:Duration=Duration::from_millis(2_500)
;const Q1:Duration=Duration::from_millis(2_000);
